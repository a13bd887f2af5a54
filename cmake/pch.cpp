// Carries the precompiled header; see NnfBuild.cmake.
