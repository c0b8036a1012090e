/* tchar.h: the text functions of the C runtime for the character type that _UNICODE chooses. Define UNICODE and
 * _UNICODE together, or neither, as on Windows. */
#ifndef NAMEDSHM_TCHAR_H
#define NAMEDSHM_TCHAR_H

#include "namedshm.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The printf of wide strings. The format is that of Windows: %s and %c are of the format's own width, %hs, %hc, %S and
 * %C of the other. Output is UTF-8. There is no %n. */
NAMEDSHM_API int namedshm_wprintf(LPCWSTR format, ...);
NAMEDSHM_API int namedshm_fwprintf(FILE *file, LPCWSTR format, ...);
NAMEDSHM_API int namedshm_vfwprintf(FILE *file, LPCWSTR format, va_list arguments);

/* Into memory, as Windows' _sntprintf: what does not fit gives -1, and what just fits has no NUL behind it. */
NAMEDSHM_API int namedshm_snprintf(LPSTR to, size_t room, LPCSTR format, ...) __attribute__((__format__(__printf__, 3, 4)));
NAMEDSHM_API int namedshm_snwprintf(LPWSTR to, size_t room, LPCWSTR format, ...);

/* As Windows' _stprintf_s: what does not fit, with its NUL, ends the program. */
NAMEDSHM_API int namedshm_sprintf_s(LPSTR to, size_t room, LPCSTR format, ...) __attribute__((__format__(__printf__, 3, 4)));
NAMEDSHM_API int namedshm_swprintf_s(LPWSTR to, size_t room, LPCWSTR format, ...);

/* The arguments of a program as wide strings, ended by NULL, as _tmain wants them. They are never freed. */
NAMEDSHM_API LPWSTR *namedshm_wide_arguments(int count, char **arguments);

static inline size_t namedshm_wcsnlen(LPCWSTR s, size_t most)
{
    size_t n = 0;
    while (n < most && s[n])
        n++;
    return n;
}
static inline size_t namedshm_wcslen(LPCWSTR s) { return namedshm_wcsnlen(s, SIZE_MAX); }
static inline LPWSTR namedshm_wcscpy(LPWSTR to, LPCWSTR from)
{
    return (LPWSTR)memcpy(to, from, (namedshm_wcslen(from) + 1) * sizeof *from);
}
static inline LPWSTR namedshm_wcsncpy(LPWSTR to, LPCWSTR from, size_t most)
{
    size_t n = namedshm_wcsnlen(from, most);
    memcpy(to, from, n * sizeof *from);
    memset(to + n, 0, (most - n) * sizeof *to);
    return to;
}
static inline LPWSTR namedshm_wcscat(LPWSTR to, LPCWSTR from)
{
    namedshm_wcscpy(to + namedshm_wcslen(to), from);
    return to;
}
static inline int namedshm_wcsncmp(LPCWSTR a, LPCWSTR b, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        if (a[i] != b[i])
            return (uint16_t)a[i] < (uint16_t)b[i] ? -1 : 1;
        if (!a[i])
            break;
    }
    return 0;
}
static inline int namedshm_wcscmp(LPCWSTR a, LPCWSTR b) { return namedshm_wcsncmp(a, b, SIZE_MAX); }
static inline LPWSTR namedshm_wcschr(LPCWSTR s, WCHAR c)
{
    for (; *s != c; s++)
        if (!*s)
            return NULL;
    return (LPWSTR)s;
}
static inline LPWSTR namedshm_wcsrchr(LPCWSTR s, WCHAR c)
{
    for (size_t n = namedshm_wcslen(s) + 1; n-- > 0;)
        if (s[n] == c)
            return (LPWSTR)s + n;
    return NULL;
}
static inline LPWSTR namedshm_wcsstr(LPCWSTR s, LPCWSTR part)
{
    size_t n = namedshm_wcslen(part);
    for (; namedshm_wcsncmp(s, part, n); s++)
        if (!*s)
            return NULL;
    return (LPWSTR)s;
}
static inline int namedshm_wtoi(LPCWSTR s)
{
    char digits[32];
    size_t n = 0;
    while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
        s++;
    for (; n < sizeof digits - 1 && s[n] && s[n] < 128; n++)
        digits[n] = (char)s[n];
    digits[n] = 0;
    return (int)strtol(digits, NULL, 10);
}

#ifdef _UNICODE
typedef WCHAR _TCHAR;
#define _T(quote) NAMEDSHM_T(quote)
#if __SIZEOF_WCHAR_T__ == 2
#define NAMEDSHM_T(quote) L##quote
#else
#define NAMEDSHM_T(quote) u##quote
#endif
#define _tprintf namedshm_wprintf
#define _ftprintf namedshm_fwprintf
#define _vftprintf namedshm_vfwprintf
#define _sntprintf namedshm_snwprintf
#define _stprintf_s namedshm_swprintf_s
#define _tcslen namedshm_wcslen
#define _tcsnlen namedshm_wcsnlen
#define _tcscpy namedshm_wcscpy
#define _tcsncpy namedshm_wcsncpy
#define _tcscat namedshm_wcscat
#define _tcscmp namedshm_wcscmp
#define _tcsncmp namedshm_wcsncmp
#define _tcschr namedshm_wcschr
#define _tcsrchr namedshm_wcsrchr
#define _tcsstr namedshm_wcsstr
#define _ttoi namedshm_wtoi
#define _tstoi namedshm_wtoi

/* main calls the program's own function, whose parameters may be left out: extra arguments do no harm. */
#ifdef __cplusplus
}
int wmain() __attribute__((__weak__));
int wmain(int, LPWSTR *) __attribute__((__weak__));
int wmain(int, LPWSTR *, LPWSTR *) __attribute__((__weak__));
static inline int namedshm_call_wmain(int count, LPWSTR *arguments, LPWSTR *environment)
{
    int (*none)() = wmain;
    int (*two)(int, LPWSTR *) = wmain;
    int (*three)(int, LPWSTR *, LPWSTR *) = wmain;
    return three ? three(count, arguments, environment) : two ? two(count, arguments) : none();
}
extern "C" {
#else
int namedshm_call_wmain(int, LPWSTR *, LPWSTR *) __asm__("wmain");
#endif
#define _tmain \
    main(int namedshm_count, char **namedshm_arguments, char **namedshm_environment) \
    { \
        int namedshm_variables = 0; \
        while (namedshm_environment[namedshm_variables]) \
            namedshm_variables++; \
        return namedshm_call_wmain(namedshm_count, namedshm_wide_arguments(namedshm_count, namedshm_arguments), \
                                   namedshm_wide_arguments(namedshm_variables, namedshm_environment)); \
    } \
    int wmain
#else
typedef CHAR _TCHAR;
#define _T(quote) quote
#define _tmain main
#define _tprintf printf
#define _ftprintf fprintf
#define _vftprintf vfprintf
#define _sntprintf namedshm_snprintf
#define _stprintf_s namedshm_sprintf_s
#define _tcslen strlen
#define _tcsnlen strnlen
#define _tcscpy strcpy
#define _tcsncpy strncpy
#define _tcscat strcat
#define _tcscmp strcmp
#define _tcsncmp strncmp
#define _tcschr strchr
#define _tcsrchr strrchr
#define _tcsstr strstr
#define _ttoi atoi
#define _tstoi atoi
#endif
#define _TEXT(quote) _T(quote)

#ifdef __cplusplus
}
#endif

#endif
