# The SQL of analysis/ becomes part of the program: every .sql file turns into a C string literal, one literal
# a line, so the program needs no files beside it. To be included after LIBOBJ is set and before the rule that
# uses it.
ANALYSIS_VIEWS := $(sort $(wildcard analysis/views/*.sql))
ANALYSIS_SQL := $(BUILD)/gen/analysis_sql.c
SQL_TO_C := sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/'
LIBOBJ += $(BUILD)/obj/gen/analysis_sql.o

$(ANALYSIS_SQL): analysis/schema.sql analysis/additions.sql $(ANALYSIS_VIEWS) analysis/embed.mk
	@mkdir -p $(@D)
	@echo "  SQL   $@"
	@{ echo '#include "analysis/sql.h"'; \
	  echo 'const char sql_schema[] ='; $(SQL_TO_C) analysis/schema.sql; echo ';'; \
	  echo 'const char sql_additions[] ='; $(SQL_TO_C) analysis/additions.sql; echo ';'; \
	  echo 'const struct sql_view sql_views[] = {'; \
	  for f in $(ANALYSIS_VIEWS); do \
		n=$${f##*/}; echo "{\"$${n%.sql}\","; $(SQL_TO_C) $$f; echo '},'; \
	  done; \
	  echo '{0, 0}};'; } > $@.tmp
	@mv $@.tmp $@

# The report's style and script, in the same way.
REPORT_ASSETS := $(BUILD)/gen/analysis_report.c
LIBOBJ += $(BUILD)/obj/gen/analysis_report.o

$(REPORT_ASSETS): analysis/report/page.css analysis/report/page.js analysis/embed.mk
	@mkdir -p $(@D)
	@echo "  PAGE  $@"
	@{ echo '#include "analysis/report/report.h"'; \
	  echo 'const char report_css[] ='; $(SQL_TO_C) analysis/report/page.css; echo ';'; \
	  echo 'const char report_js[] ='; $(SQL_TO_C) analysis/report/page.js; echo ';'; } > $@.tmp
	@mv $@.tmp $@

$(BUILD)/obj/gen/analysis_report.o: $(REPORT_ASSETS) analysis/report/report.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/obj/gen/analysis_sql.o: $(ANALYSIS_SQL) analysis/sql.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<
