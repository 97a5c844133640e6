/*
 * errno.h - error numbers of x86-64 Linux, as system calls return them and traces record them
 * (include/uapi/asm-generic/errno-base.h, errno.h). The host's may differ.
 */
#ifndef MODELS_KERNEL_ERRNO_H
#define MODELS_KERNEL_ERRNO_H

enum linux_errno {
	LINUX_EPERM = 1,
	LINUX_EIO = 5,
	LINUX_EBADF = 9,
	LINUX_EAGAIN = 11,
	LINUX_ENOMEM = 12,
	LINUX_EACCES = 13,
	LINUX_EFAULT = 14,
	LINUX_EBUSY = 16,
	LINUX_EEXIST = 17,
	LINUX_EINVAL = 22,
	LINUX_EFBIG = 27,
	LINUX_ENOSPC = 28,
	LINUX_EOVERFLOW = 75,
	LINUX_EOPNOTSUPP = 95
};

#endif
