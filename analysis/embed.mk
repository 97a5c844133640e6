# The SQL of analysis/ becomes part of the program: every .sql file turns into a C string literal, one literal
# a line, so the program needs no files beside it. To be included after LIBOBJ is set and before the rule that
# uses it.
ANALYSIS_VIEWS := $(sort $(wildcard analysis/views/*.sql))
ANALYSIS_SQL := $(BUILD)/gen/analysis_sql.c
SQL_TO_C := sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/'
LIBOBJ += $(BUILD)/obj/gen/analysis_sql.o

$(ANALYSIS_SQL): analysis/schema.sql $(ANALYSIS_VIEWS) analysis/embed.mk
	@mkdir -p $(@D)
	@echo "  SQL   $@"
	@{ echo '#include "analysis/sql.h"'; \
	  echo 'const char sql_schema[] ='; $(SQL_TO_C) analysis/schema.sql; echo ';'; \
	  echo 'const struct sql_view sql_views[] = {'; \
	  for f in $(ANALYSIS_VIEWS); do \
		n=$${f##*/}; echo "{\"$${n%.sql}\","; $(SQL_TO_C) $$f; echo '},'; \
	  done; \
	  echo '{0, 0}};'; } > $@.tmp
	@mv $@.tmp $@

$(BUILD)/obj/gen/analysis_sql.o: $(ANALYSIS_SQL) analysis/sql.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<
