/* conio.h: the console, as far as programs that share memory use it. */
#ifndef NAMEDSHM_CONIO_H
#define NAMEDSHM_CONIO_H

#ifdef __cplusplus
extern "C" {
#endif

/* _getch waits for a key and returns it, without echo and without Enter, if standard input is a terminal. Keys that make
 * a signal (Control-C and the like) make it as ever, with the terminal as it was before. A key that is no character comes
 * as the bytes the terminal sends for it, one at each call.
 *
 * If standard input is no terminal nobody can press a key: then it reads until the end of input, and returns EOF. */
extern __attribute__((__visibility__("default"))) int _getch(void);

/* _kbhit tells whether _getch would return at once. */
extern __attribute__((__visibility__("default"))) int _kbhit(void);

#ifdef __cplusplus
}
#endif

#endif
