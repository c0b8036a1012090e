#include "flow.c"
