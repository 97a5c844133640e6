/*
 * version.h - the program's version, stored with every run. Semantic versioning (semver.org, 2.0.0).
 */
#ifndef SIM_VERSION_H
#define SIM_VERSION_H

#define FAULTLINE_VERSION "0.3.0"

#endif
