/*
 * sql.h - the SQL that is part of the program: analysis/schema.sql, analysis/additions.sql and one view for
 * each analysis/views file.
 *
 * The texts are made into C at build time (analysis/embed.mk). A view file is a comment, whose first line is
 * the view's sentence, and one SELECT without a semicolon; the view's name is the file's.
 */
#ifndef ANALYSIS_SQL_H
#define ANALYSIS_SQL_H

struct sql_view {
	const char *name;
	const char *text;
};

extern const char sql_schema[];
/* Creates the tables that came later where they are missing. */
extern const char sql_additions[];
/* In order of name; ends with a row whose name is NULL. */
extern const struct sql_view sql_views[];

#endif
