/* conio.h: the console, as far as programs that share memory use it. */
#ifndef NAMEDSHM_CONIO_H
#define NAMEDSHM_CONIO_H

#ifdef __cplusplus
extern "C" {
#endif

/* _getch waits for a key and returns it, without echo and without Enter, if standard input is a terminal. Keys that
 * raise a signal (such as Control-C) still do, with the terminal as it was before. A key that is not a character
 * arrives as the bytes that the terminal sends for it, one per call.
 *
 * If standard input is not a terminal, nobody can press a key: then it reads until the end of input, and returns EOF. */
extern __attribute__((__visibility__("default"))) int _getch(void);

/* _kbhit reports whether _getch would return at once. */
extern __attribute__((__visibility__("default"))) int _kbhit(void);

#ifdef __cplusplus
}
#endif

#endif
