# regions.awk - /proc/PID/maps without the x bit (the emulator's own are mapped without it), adjoining regions of one
# file or of none joined.
function hex(s, i, v) {
	v = 0
	for (i = 1; i <= length(s); i++)
		v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return v
}
function out() {
	if (end)
		printf "%.0f-%.0f %s %.0f %s\n", start, end, perms, off, file
}
{
	split($1, r, "-")
	a = hex(r[1])
	b = hex(r[2])
	if (a >= 2 ^ 47)
		next
	p = substr($2, 1, 2) substr($2, 4, 1)
	f = ($6 ~ /^\//) ? $6 : ""
	o = f == "" ? 0 : hex($3)
	if (end == a && p == perms && f == file && (f == "" || o == off + end - start)) {
		end = b
		next
	}
	out()
	start = a
	end = b
	perms = p
	off = o
	file = f
}
END { out() }
