/* windows.h: what a program that shares memory on Windows takes from the header of this name, for Linux. See
 * namedshm.h; docs/porting.md has the list of what is covered. What is not declared here is not covered. */
#ifndef NAMEDSHM_WINDOWS_H
#define NAMEDSHM_WINDOWS_H

#include "namedshm.h"
#include <string.h>
#if __SIZEOF_WCHAR_T__ == 2
#include <stdio.h>
#include <wchar.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Text. UNICODE makes TCHAR a WCHAR, and TEXT("x") a string of them. */

#if __SIZEOF_WCHAR_T__ == 2
#define NAMEDSHM_WIDE(quote) L##quote
#elif defined __cplusplus ? __cplusplus < 201103L : defined __STRICT_ANSI__ ? __STDC_VERSION__ < 201112L : __STDC_VERSION__ < 199901L
/* UTF-16 strings do not exist: one error that says so, instead of many about tokens. */
#define NAMEDSHM_WIDE(quote) TEXT_with_UNICODE_takes_C11_or_CXX11
#else
#define NAMEDSHM_WIDE(quote) u##quote
#endif
#ifdef UNICODE
typedef WCHAR TCHAR;
#define __TEXT(quote) NAMEDSHM_WIDE(quote)
#else
typedef CHAR TCHAR;
#define __TEXT(quote) quote
#endif
#define TEXT(quote) __TEXT(quote)
typedef TCHAR *PTSTR, *LPTSTR, *PTCHAR;
typedef const TCHAR *PCTSTR, *LPCTSTR;

#define CP_ACP 0u /* which is UTF-8 here */
#define CP_UTF8 65001u
#define MB_PRECOMPOSED 0x01 /* without effect */
#define MB_ERR_INVALID_CHARS 0x08
#define WC_ERR_INVALID_CHARS 0x80

NAMEDSHM_API int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCSTR text, int bytes, LPWSTR wide, int room);
NAMEDSHM_API int WINAPI WideCharToMultiByte(UINT page, DWORD flags, LPCWSTR wide, int units, LPSTR text, int room,
                                            LPCSTR substitute, LPBOOL substituted);

/* Bytes. */

#define CopyMemory(to, from, length) memcpy((to), (from), (length))
#define MoveMemory(to, from, length) memmove((to), (from), (length))
#define FillMemory(to, length, byte) memset((to), (byte), (length))
#define ZeroMemory(to, length) memset((to), 0, (length))
#define RtlCopyMemory CopyMemory
#define RtlMoveMemory MoveMemory
#define RtlFillMemory FillMemory
#define RtlZeroMemory ZeroMemory

/* Words that several processes change: each call is one atomic step and a full barrier. */

static inline LONG InterlockedIncrement(volatile LONG *word) { return __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST); }
static inline LONG InterlockedDecrement(volatile LONG *word) { return __atomic_sub_fetch(word, 1, __ATOMIC_SEQ_CST); }
static inline LONG InterlockedExchange(volatile LONG *word, LONG value)
{
    return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}
static inline LONG InterlockedExchangeAdd(volatile LONG *word, LONG value)
{
    return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}
static inline LONG InterlockedCompareExchange(volatile LONG *word, LONG value, LONG expected)
{
    __atomic_compare_exchange_n(word, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}
static inline LONG64 InterlockedIncrement64(volatile LONG64 *word)
{
    return __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
}
static inline LONG64 InterlockedDecrement64(volatile LONG64 *word)
{
    return __atomic_sub_fetch(word, 1, __ATOMIC_SEQ_CST);
}
static inline LONG64 InterlockedExchange64(volatile LONG64 *word, LONG64 value)
{
    return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}
static inline LONG64 InterlockedExchangeAdd64(volatile LONG64 *word, LONG64 value)
{
    return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}
static inline LONG64 InterlockedCompareExchange64(volatile LONG64 *word, LONG64 value, LONG64 expected)
{
    __atomic_compare_exchange_n(word, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}
#define MemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Time. */

NAMEDSHM_API VOID WINAPI Sleep(DWORD milliseconds);
NAMEDSHM_API DWORD WINAPI GetTickCount(void);
NAMEDSHM_API ULONGLONG WINAPI GetTickCount64(void);
NAMEDSHM_API BOOL WINAPI QueryPerformanceCounter(PLARGE_INTEGER count);
NAMEDSHM_API BOOL WINAPI QueryPerformanceFrequency(PLARGE_INTEGER perSecond);

/* The machine. Views begin at multiples of dwAllocationGranularity, which is 65,536 here too. */

typedef struct _SYSTEM_INFO {
    WORD wProcessorArchitecture;
    WORD wReserved;
    DWORD dwPageSize;
    LPVOID lpMinimumApplicationAddress;
    LPVOID lpMaximumApplicationAddress;
    DWORD_PTR dwActiveProcessorMask;
    DWORD dwNumberOfProcessors;
    DWORD dwProcessorType;
    DWORD dwAllocationGranularity;
    WORD wProcessorLevel;
    WORD wProcessorRevision;
} SYSTEM_INFO, *LPSYSTEM_INFO;
#define PROCESSOR_ARCHITECTURE_AMD64 9
#define PROCESSOR_ARCHITECTURE_ARM64 12
#define PROCESSOR_ARCHITECTURE_UNKNOWN 0xFFFF

NAMEDSHM_API VOID WINAPI GetSystemInfo(LPSYSTEM_INFO information);

/* The message box: a dialog on the desktop, or the text on standard error where there is no display; then it is closed
 * by a key on a terminal, and otherwise by the end of standard input. It has the one button OK. */

typedef struct HWND__ *HWND;
#define MB_OK 0x00
#define MB_ICONERROR 0x10
#define MB_ICONHAND 0x10
#define MB_ICONSTOP 0x10
#define MB_ICONQUESTION 0x20
#define MB_ICONWARNING 0x30
#define MB_ICONEXCLAMATION 0x30
#define MB_ICONINFORMATION 0x40
#define MB_ICONASTERISK 0x40
#define MB_SETFOREGROUND 0x10000
#define MB_TOPMOST 0x40000
#define IDOK 1

NAMEDSHM_API int WINAPI MessageBoxA(HWND owner, LPCSTR text, LPCSTR title, UINT type);
NAMEDSHM_API int WINAPI MessageBoxW(HWND owner, LPCWSTR text, LPCWSTR title, UINT type);

#ifdef UNICODE
#define MessageBox MessageBoxW
#else
#define MessageBox MessageBoxA
#endif

/* With -fshort-wchar: libc counts four-byte characters whatever the compiler makes of wchar_t. */
#if __SIZEOF_WCHAR_T__ == 2
#ifdef __cplusplus
#define NAMEDSHM_NOT_WITH_SHORT_WCHAR throw() __attribute__((__error__("libc takes wchar_t of four bytes: use the _tcs functions of tchar.h")))
#else
#define NAMEDSHM_NOT_WITH_SHORT_WCHAR __attribute__((__error__("libc takes wchar_t of four bytes: use the _tcs functions of tchar.h")))
#endif
size_t wcslen(const wchar_t *) NAMEDSHM_NOT_WITH_SHORT_WCHAR;
wchar_t *wcscpy(wchar_t *, const wchar_t *) NAMEDSHM_NOT_WITH_SHORT_WCHAR;
wchar_t *wcsncpy(wchar_t *, const wchar_t *, size_t) NAMEDSHM_NOT_WITH_SHORT_WCHAR;
wchar_t *wcscat(wchar_t *, const wchar_t *) NAMEDSHM_NOT_WITH_SHORT_WCHAR;
int wcscmp(const wchar_t *, const wchar_t *) NAMEDSHM_NOT_WITH_SHORT_WCHAR;
int wcsncmp(const wchar_t *, const wchar_t *, size_t) NAMEDSHM_NOT_WITH_SHORT_WCHAR;
#undef NAMEDSHM_NOT_WITH_SHORT_WCHAR
int wprintf(const wchar_t *, ...) __attribute__((__error__("libc takes wchar_t of four bytes: use _tprintf of tchar.h")));
int fwprintf(FILE *, const wchar_t *, ...) __attribute__((__error__("libc takes wchar_t of four bytes: use _ftprintf of tchar.h")));
#endif

#ifdef __cplusplus
}
#endif

#endif
