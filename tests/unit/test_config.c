/* Configuration files: what sets what, and every refusal with its place. */
#include "sim/config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

static const char *policy(size_t i)
{
	static const char *const names[] = {"lru", "plru", "random"};

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

#define ROOM_PARAMS(X, S)                                                                \
	X(S, U64, entries, "tlb.l1d.entries", "64", 1, 65536, "entries", "how many")     \
	X(S, U64, ways, "tlb.l1d.ways", "4", 1, 64, "ways", "how many")                  \
	X(S, ENUM, policy, "tlb.policy", "lru", 0, 0, "", "which one", policy)           \
	X(S, LIST, distance, "numa.distance", "10", 1, 255, "", "matrix")                \
	X(S, BYTES, memory, "numa.memory", "1G", 4096, UINT64_MAX, "bytes", "of a node") \
	X(S, BOOL, pcid, "mmu.pcid", "on", 0, 0, "", "whether")                          \
	X(S, STR, title, "title", "", 0, 0, "", "text")                                  \
	X(S, U64, swappiness, "vm.swappiness", "60", 0, 200, "", "as Linux's")
PARAM_STRUCT(room_params, ROOM_PARAMS);
extern const struct param_table room_param_table;
PARAM_TABLE(room, room_params, ROOM_PARAMS);

static struct param_set ps;
static struct room_params p;
static struct err e;

static void setup(void)
{
	err_clear(&e);
	param_set_init(&ps);
	param_set_add(&ps, &room_param_table, &p);
}

static void teardown(void)
{
	param_set_release(&ps);
}

static void load(const char *text)
{
	ck_assert_msg(config_load_text(&ps, "c.yaml", text, strlen(text), &e) == 0, "%s", e.text);
}

static void refuse(const char *text, const char *message)
{
	err_clear(&e);
	ck_assert_int_eq(config_load_text(&ps, "c.yaml", text, strlen(text), &e), -ERR_CONFIG);
	ck_assert_msg(strstr(e.text, message) == e.text, "\"%s\" does not begin with \"%s\"", e.text,
		      message);
	ck_assert_ptr_null(strchr(e.text, '\n'));
}

START_TEST(nested_and_dotted_are_the_same)
{
	load("# a comment\n"
	     "tlb:\n"
	     "  l1d:\n"
	     "    entries: 32\n"
	     "  l1d.ways: 8\n"
	     "  policy: random\n"
	     "vm.swappiness: 0x10\n"
	     "numa: {memory: 2 GiB}\n");
	ck_assert_uint_eq(p.entries, 32);
	ck_assert_uint_eq(p.ways, 8);
	ck_assert_uint_eq(p.policy, 2);
	ck_assert_uint_eq(p.swappiness, 16);
	ck_assert_uint_eq(p.memory, UINT64_C(2) << 30);
	ck_assert_str_eq(param_find(&ps, "tlb.l1d.entries")->origin, "c.yaml:4:14");
	ck_assert_str_eq(param_find(&ps, "numa.memory")->origin, "c.yaml:8:16");
	ck_assert_str_eq(param_find(&ps, "mmu.pcid")->origin, "default");
}
END_TEST

START_TEST(a_group_may_be_opened_in_both_ways)
{
	load("tlb: {l1d: {entries: 2}}\ntlb.l1d: {ways: 1}\n");
	ck_assert_uint_eq(p.entries, 2);
	ck_assert_uint_eq(p.ways, 1);
}
END_TEST

START_TEST(sequences_are_lists)
{
	load("numa.distance: [10, 20]\n");
	ck_assert_uint_eq(p.distance.n, 2);
	load("numa:\n  distance:\n    - [10, 21]\n    - [22, 10]\n");
	ck_assert_uint_eq(p.distance.n, 4);
	ck_assert_uint_eq(p.distance.v[1], 21);
	ck_assert_uint_eq(p.distance.v[2], 22);
	ck_assert_str_eq(param_find(&ps, "numa.distance")->text, "10 21 22 10");
	load("numa.distance: 10 20\n");
	ck_assert_uint_eq(p.distance.n, 2);
	load("numa.distance: []\n");
	ck_assert_uint_eq(p.distance.n, 0);
}
END_TEST

START_TEST(quoted_texts)
{
	load("title: \"vm: 60 # no comment\"\nmmu.pcid: 'off'\n");
	ck_assert_str_eq(p.title, "vm: 60 # no comment");
	ck_assert(!p.pcid);
	load("title: ''\n");
	ck_assert_str_eq(p.title, "");
}
END_TEST

START_TEST(empty_files_set_nothing)
{
	load("");
	load("# nothing\n");
	load("---\n...\n");
	load("{}\n");
	load("tlb: {}\n");
	ck_assert_uint_eq(p.entries, 64);
}
END_TEST

START_TEST(unknown_keys)
{
	refuse("vm:\n  swapiness: 60\n",
	       "c.yaml:2:3: unknown parameter \"vm.swapiness\"; did you mean \"vm.swappiness\"?");
	refuse("swappiness: 60\n",
	       "c.yaml:1:1: unknown parameter \"swappiness\"; did you mean \"vm.swappiness\"?");
	refuse("zzzz:\n  a: 1\n", "c.yaml:1:1: unknown parameter \"zzzz\"");
	refuse("\"\": 1\n", "c.yaml:1:1: unknown parameter");
	refuse("tlb: {.l1d: 1}\n", "c.yaml:1:7: unknown parameter");
	refuse("tlb.: 1\n", "c.yaml:1:1: unknown parameter");
	refuse("\"a\\nb\": 1\n", "c.yaml:1:1: unknown parameter \"a?b\"");
}
END_TEST

START_TEST(duplicates)
{
	refuse("vm.swappiness: 1\nvm:\n  swappiness: 2\n",
	       "c.yaml:3:3: vm.swappiness is set twice: first in line 1");
	refuse("tlb:\n  policy: lru\nmmu: {}\ntlb:\n  l1d: {}\n",
	       "c.yaml:4:1: tlb is set twice: first in line 1");
}
END_TEST

START_TEST(wrong_values)
{
	refuse("vm:\n  swappiness: 201\n",
	       "c.yaml:2:15: vm.swappiness: 201 is out of range: expected 0 to 200");
	refuse("tlb.policy: fifo\n", "c.yaml:1:13: tlb.policy: \"fifo\" is not one of lru, plru, random");
	refuse("vm.swappiness:\n", "c.yaml:1:15: vm.swappiness has no value");
	refuse("vm.swappiness: ~\n", "c.yaml:1:16: vm.swappiness has no value");
	refuse("tlb:\n", "c.yaml:1:5: tlb has no value");
	refuse("tlb: 3\n", "c.yaml:1:6: \"tlb\" is a group of parameters");
	refuse("tlb: [3]\n", "c.yaml:1:6: tlb is a group of parameters");
	refuse("vm.swappiness: {a: 1}\n", "c.yaml:1:16: vm.swappiness takes a value, not a mapping");
	refuse("vm.swappiness: [1]\n", "c.yaml:1:16: vm.swappiness takes one value, not a list");
	refuse("numa.distance: [[1, [2]]]\n", "c.yaml:1:21: numa.distance: expected an element");
	refuse("numa.distance: [1, {a: 2}]\n", "c.yaml:1:20: numa.distance: expected an element");
	refuse("numa.distance: [1, ]\nnuma.memory: [x]\n", "c.yaml:2:14: numa.memory takes one value");
	refuse("numa.distance: [1, ~]\n", "c.yaml:1:20: numa.distance: expected an element");
	refuse("title: \"a\\0b\"\n", "c.yaml:1:8: a text with a zero byte");
}
END_TEST

START_TEST(yaml_that_is_too_much)
{
	refuse("vm.swappiness: &a 60\n", "c.yaml:1:16: anchors (&a) are not supported");
	refuse("tlb: &t {policy: lru}\n", "c.yaml:1:6: anchors");
	refuse("numa.distance: &t [1]\n", "c.yaml:1:16: anchors");
	refuse("title: *t\n", "c.yaml:1:8: aliases (*t) are not supported");
	refuse("vm.swappiness: !!int 60\n", "c.yaml:1:16: tags");
	refuse("vm.swappiness: !x 60\n", "c.yaml:1:16: tags (!x) are not supported");
	refuse("title: a\n---\ntitle: b\n", "c.yaml:2:1: a second document");
	refuse("<<: {vm.swappiness: 1}\n", "c.yaml:1:1: unknown parameter \"<<\"");
	refuse("? [a]\n: 1\n", "c.yaml:1:3: a key must be a name");
	refuse("- vm.swappiness: 1\n", "c.yaml:1:1: expected a mapping of parameters");
	refuse("60\n", "c.yaml:1:1: expected a mapping of parameters");
}
END_TEST

START_TEST(no_yaml_at_all)
{
	refuse("tlb:\n\tpolicy: lru\n", "c.yaml:2:1: not YAML: ");
	ck_assert_ptr_nonnull(strstr(e.text, "tabs"));
	refuse("tlb: {policy: lru\n", "c.yaml:2:1: not YAML: ");
	refuse("title: \"abc\n", "c.yaml:2:1: not YAML: ");
	refuse("title: ab\n  title: b: c\n", "c.yaml:2:8: not YAML: ");
	refuse("vm:\n  swappiness: 60\n title: x\n", "c.yaml:3:2: not YAML: ");
	refuse("title: x\nvm: \xff\n", "c.yaml:2:5: not YAML: ");
	refuse("title: x\nab\x01\n", "c.yaml:2:3: not YAML: ");
}
END_TEST

/* Nothing that is thrown at it hangs it or makes it crash: every prefix of a file, and deep nests. */
START_TEST(cut_and_nested_files)
{
	static const char text[] = "tlb: {l1d: {entries: 32, ways: 2}, policy: \"lru\"}\n"
				   "numa:\n  distance: [[10, 20], [20, 10]]\nvm.swappiness: 7 # end\n";
	static char deep[100000];

	for (size_t n = 0; n < sizeof text; n++) {
		err_clear(&e);
		if (config_load_text(&ps, "c.yaml", text, n, &e) != 0)
			ck_assert_int_eq(strncmp(e.text, "c.yaml:", 7), 0);
	}
	for (const char *c = "[{-?:&*!"; *c; c++) {
		memset(deep, *c, sizeof deep);
		err_clear(&e);
		ck_assert_int_eq(config_load_text(&ps, "c.yaml", deep, sizeof deep, &e), -ERR_CONFIG);
	}
}
END_TEST

START_TEST(files)
{
	char path[] = "/tmp/test_config_XXXXXX", *big = calloc(1, 1100000);
	int fd = mkstemp(path);
	char expected[100];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "vm.swappiness: 5\n", 17), 17);
	ck_assert_int_eq(config_load(&ps, path, &e), 0);
	ck_assert_uint_eq(p.swappiness, 5);
	snprintf(expected, sizeof expected, "%s:1:16", path);
	ck_assert_str_eq(param_find(&ps, "vm.swappiness")->origin, expected);
	memset(big, '#', 1100000);
	ck_assert_int_eq(write(fd, big, 1100000), 1100000);
	ck_assert_int_eq(config_load(&ps, path, &e), -ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.text, "larger than"));
	close(fd);
	unlink(path);
	free(big);
	err_clear(&e);
	ck_assert_int_eq(config_load(&ps, path, &e), -ERR_OPEN);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	err_clear(&e);
	ck_assert_int_eq(config_load(&ps, "/tmp", &e), -ERR_OPEN);
	ck_assert_str_eq(e.text, "/tmp: is a directory: expected a YAML configuration");
	/* a file that opens and then cannot be read is another matter */
	err_clear(&e);
	ck_assert_int_eq(config_load(&ps, "/proc/self/mem", &e), -ERR_IO);
	ck_assert_ptr_nonnull(strstr(e.text, "/proc/self/mem: cannot be read: "));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nested_and_dotted_are_the_same);
	tcase_add_test(t, a_group_may_be_opened_in_both_ways);
	tcase_add_test(t, sequences_are_lists);
	tcase_add_test(t, quoted_texts);
	tcase_add_test(t, empty_files_set_nothing);
	tcase_add_test(t, unknown_keys);
	tcase_add_test(t, duplicates);
	tcase_add_test(t, wrong_values);
	tcase_add_test(t, yaml_that_is_too_much);
	tcase_add_test(t, no_yaml_at_all);
	tcase_add_test(t, cut_and_nested_files);
	tcase_add_test(t, files);
	return run_case("config", t);
}
