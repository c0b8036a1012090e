/* guest.h: how the C side of the library and the Go side meet. The library is a guest in a program that knows nothing
 * of Go. */
#ifndef NAMEDSHM_GUEST_H
#define NAMEDSHM_GUEST_H

#include "namedshm.h"
#include "windows.h"

#include <stdbool.h>
#include <stdint.h>

/* enter makes the calling thread one that may call Go, and reports whether it may. In a child made by fork it may not:
 * Go's threads were not copied. The last error is ERROR_INVALID_HANDLE then. */
bool enter(void);

/* owning notes that the calling thread may own a mutex from now on. */
void owning(void);

/* conclude writes the last error of a call that returned result: the code of a failure, nothing for a success. */
BOOL conclude(DWORD code);

/* process_mark is where this process's number stands; in a child made by fork it does not. */
const volatile int32_t *process_mark(void);

/* Wide and narrow text, ended by NUL, to be freed. What is not text becomes U+FFFD. */
char *narrow(LPCWSTR wide);
LPWSTR widen(LPCSTR text);

/* key_pressed waits for a key of the terminal, or for the end of input where there is none. */
int key_pressed(void);

#endif
