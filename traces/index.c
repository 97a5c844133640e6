/*
 * index.c - finding the blocks of a thread through the index pages.
 *
 * A few pages (4096 entries each) are kept in memory, whatever the trace's length. A look-up walks entries
 * from the last one found, so reading a thread is linear in the blocks between its first and last one.
 */
#include "traces/reader.h"

int block_read_header(const struct trace *t, uint64_t offset, struct block_header *h, struct err *e)
{
	uint8_t bytes[BLOCK_HEADER_SIZE];
	int rc = native_read(t->fd, t->name, offset, bytes, sizeof bytes, e);

	if (rc < 0)
		return rc;
	if (!block_header_unpack(h, offset, bytes))
		return err_set(e, ERR_FORMAT,
			       "%s: offset %" PRIu64 ": no block header (its checksum does not match)",
			       t->name, offset);
	return 0;
}

/* Number of entries that page holds, by the footer's or the scan's count of blocks. */
static uint32_t entries_expected(const struct trace *t, uint64_t page)
{
	return (uint32_t)MIN_OF(t->counts.blocks - page * INDEX_PAGE_ENTRIES, INDEX_PAGE_ENTRIES);
}

static int load_page(struct trace *t, struct index_page *slot, uint64_t page, struct err *e)
{
	uint64_t at = t->pages[page];
	uint32_t want = entries_expected(t, page);
	struct block_header h;
	int rc = block_read_header(t, at, &h, e);

	if (rc < 0)
		return rc;
	if (h.type != BLOCK_INDEX || h.nr_controls != want)
		return err_set(e, ERR_FORMAT, "%s: offset %" PRIu64 ": no index page of %" PRIu32 " entries",
			       t->name, at, want);
	buf_reset(&t->stored, h.ctl_stored);
	rc = native_read(t->fd, t->name, at + BLOCK_HEADER_SIZE, t->stored.p, h.ctl_stored, e);
	if (rc < 0)
		return rc;
	if (native_sum(t->stored.p, h.ctl_stored, 0) != h.ctl_sum ||
	    !section_decompress(t->coder, t->stored.p, h.ctl_stored, h.ctl_raw, &slot->entries))
		return err_set(e, ERR_FORMAT,
			       "%s: offset %" PRIu64 ": the index page's checksum does not match", t->name,
			       at);
	slot->page = page;
	return 0;
}

/* Packed entries of a page, valid until the next call; the lock is held. */
static int page_entries(struct trace *t, uint64_t page, const uint8_t **entries, struct err *e)
{
	struct index_page *slot = &t->cache[0];
	int rc = 0;

	if (page >= t->nr_pages) {
		*entries = t->tail.p;
		return 0;
	}
	for (size_t i = 0; i < INDEX_CACHE_PAGES; i++) {
		if (t->cache[i].page == page) {
			slot = &t->cache[i];
			break;
		}
		if (t->cache[i].stamp < slot->stamp)
			slot = &t->cache[i];
	}
	if (slot->page != page) {
		slot->page = UINT64_MAX;
		rc = load_page(t, slot, page, e);
	}
	slot->stamp = ++t->stamp;
	*entries = slot->entries.p;
	return rc;
}

static int find_locked(struct trace *t, uint32_t pid, uint32_t tid, uint64_t *block, uint64_t last,
		       struct index_entry *en, struct err *e)
{
	for (uint64_t b = *block; b <= last && b < t->counts.blocks;) {
		uint64_t page = b / INDEX_PAGE_ENTRIES,
			 end = MIN_OF((page + 1) * INDEX_PAGE_ENTRIES, t->counts.blocks);
		const uint8_t *entries;
		int rc = page_entries(t, page, &entries, e);

		if (rc < 0)
			return rc;
		for (; b < end && b <= last; b++) {
			index_entry_unpack(en, entries + b % INDEX_PAGE_ENTRIES * INDEX_ENTRY_SIZE);
			if (en->pid == pid && en->tid == tid) {
				*block = b;
				return 1;
			}
		}
	}
	return 0;
}

int index_find(struct trace *t, uint32_t pid, uint32_t tid, uint64_t *block, uint64_t last,
	       struct index_entry *en, struct err *e)
{
	int rc;

	pthread_mutex_lock(&t->lock);
	rc = find_locked(t, pid, tid, block, last, en, e);
	pthread_mutex_unlock(&t->lock);
	return rc;
}
