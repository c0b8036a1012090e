/* namedshm.h: Windows' named shared memory, and the objects that go with it, for C and C++ programs on Linux.
 *
 * The calls have Windows' names, arguments, results and last errors; what they do is said where Windows says it. This
 * header declares all calls of the library that deal with objects. windows.h, beside it, has this and what else
 * Windows programs take from a header of that name. A call that is declared in neither is not covered, and does not
 * compile.
 *
 * Types have the sizes they have in 64-bit Windows: DWORD, LONG, ULONG and BOOL have 32 bits although long has 64
 * here, and WCHAR has 16 although wchar_t has 32. See WCHAR below.
 *
 * The last error is kept for each thread. A Create call writes it always, 0 for a new object and ERROR_ALREADY_EXISTS
 * for one that existed; any other call leaves it alone when it succeeds.
 *
 * In a child made by fork every call fails with ERROR_INVALID_HANDLE until the child calls exec. No call may be made
 * in a signal handler.
 * */
#ifndef NAMEDSHM_H
#define NAMEDSHM_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__linux__) || !defined(__LP64__)
#error "namedshm.h is for 64-bit Linux; on Windows use the system's own windows.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define NAMEDSHM_API extern __attribute__((__visibility__("default")))

/* Calling conventions: there is one. */
#define WINAPI
#define APIENTRY
#define CALLBACK
#define __cdecl
#define __stdcall

/* Types. */

typedef void *PVOID, *LPVOID;
typedef const void *LPCVOID;
typedef char CHAR, *PSTR, *LPSTR;
typedef const char *PCSTR, *LPCSTR;
typedef unsigned char BYTE, *PBYTE, *LPBYTE;
typedef unsigned char UCHAR, BOOLEAN;
typedef short SHORT;
typedef unsigned short WORD, USHORT, *PWORD, *LPWORD;
typedef int INT, BOOL, *PINT, *LPINT, *PBOOL, *LPBOOL;
typedef unsigned int UINT, *PUINT;
typedef int LONG, *PLONG, *LPLONG;
typedef unsigned int DWORD, ULONG, *PDWORD, *LPDWORD, *PULONG;
typedef int32_t INT32, LONG32;
typedef uint32_t UINT32, ULONG32, DWORD32;
typedef long long LONGLONG, LONG64, INT64, *PLONGLONG, *PLONG64;
typedef unsigned long long ULONGLONG, ULONG64, UINT64, DWORD64, DWORDLONG, *PULONGLONG, *PDWORD64;
typedef intptr_t INT_PTR, LONG_PTR, SSIZE_T;
typedef uintptr_t UINT_PTR, ULONG_PTR, DWORD_PTR, *PULONG_PTR;
typedef size_t SIZE_T, *PSIZE_T;
typedef void *HANDLE, **PHANDLE, **LPHANDLE;

#define VOID void
#define CONST const
#ifndef TRUE
#define TRUE 1
#define FALSE 0
#endif

/* WCHAR is one UTF-16 unit of two bytes, as in Windows, because bytes that one program writes into a section another
 * one reads there, and because names are counted in such units. wchar_t has four bytes on Linux, so L"x" is not a
 * string of WCHAR: write u"x", or TEXT("x"). With -fshort-wchar wchar_t has two bytes and L"x" is one; then no wide
 * function of libc may be called, and windows.h makes an error of the best-known ones.
 *
 * The A functions take UTF-8. */
#if __SIZEOF_WCHAR_T__ == 2
#ifdef __cplusplus
typedef wchar_t WCHAR;
#else
typedef __WCHAR_TYPE__ WCHAR;
#endif
#elif defined(__cplusplus) && __cplusplus >= 201103L
typedef char16_t WCHAR;
#else
typedef __CHAR16_TYPE__ WCHAR;
#endif
typedef WCHAR *PWSTR, *LPWSTR, *PWCHAR;
typedef const WCHAR *PCWSTR, *LPCWSTR;

typedef union _LARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        LONG HighPart;
    };
    struct {
        DWORD LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        DWORD HighPart;
    };
    struct {
        DWORD LowPart;
        DWORD HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

/* Security descriptors are not supported: a call that is given one fails with ERROR_NOT_SUPPORTED. */
typedef struct _SECURITY_ATTRIBUTES {
    DWORD nLength;
    LPVOID lpSecurityDescriptor;
    BOOL bInheritHandle;
} SECURITY_ATTRIBUTES, *PSECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;

typedef struct _MEMORY_BASIC_INFORMATION {
    PVOID BaseAddress;
    PVOID AllocationBase;
    DWORD AllocationProtect;
    WORD PartitionId;
    SIZE_T RegionSize;
    DWORD State;
    DWORD Protect;
    DWORD Type;
} MEMORY_BASIC_INFORMATION, *PMEMORY_BASIC_INFORMATION;

#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)
#define INFINITE 0xFFFFFFFFu
#define MAXIMUM_WAIT_OBJECTS 64
#define MAX_PATH 260

#define WAIT_OBJECT_0 0u
#define WAIT_ABANDONED 0x80u
#define WAIT_ABANDONED_0 0x80u
#define WAIT_IO_COMPLETION 0xC0u
#define WAIT_TIMEOUT 258u
#define WAIT_FAILED 0xFFFFFFFFu

#define PAGE_NOACCESS 0x01
#define PAGE_READONLY 0x02
#define PAGE_READWRITE 0x04
#define PAGE_WRITECOPY 0x08
#define PAGE_EXECUTE 0x10
#define PAGE_EXECUTE_READ 0x20
#define PAGE_EXECUTE_READWRITE 0x40
#define PAGE_EXECUTE_WRITECOPY 0x80
#define PAGE_GUARD 0x100
#define PAGE_NOCACHE 0x200
#define PAGE_WRITECOMBINE 0x400

#define SEC_FILE 0x00800000
#define SEC_IMAGE 0x01000000
#define SEC_RESERVE 0x04000000
#define SEC_COMMIT 0x08000000
#define SEC_NOCACHE 0x10000000
#define SEC_WRITECOMBINE 0x40000000
#define SEC_LARGE_PAGES 0x80000000u

#define DELETE 0x00010000
#define READ_CONTROL 0x00020000
#define WRITE_DAC 0x00040000
#define WRITE_OWNER 0x00080000
#define SYNCHRONIZE 0x00100000
#define STANDARD_RIGHTS_REQUIRED 0x000F0000
#define ACCESS_SYSTEM_SECURITY 0x01000000
#define MAXIMUM_ALLOWED 0x02000000
#define GENERIC_READ 0x80000000u
#define GENERIC_WRITE 0x40000000
#define GENERIC_EXECUTE 0x20000000
#define GENERIC_ALL 0x10000000

#define SECTION_QUERY 0x0001
#define SECTION_MAP_WRITE 0x0002
#define SECTION_MAP_READ 0x0004
#define SECTION_MAP_EXECUTE 0x0008
#define SECTION_EXTEND_SIZE 0x0010
#define SECTION_ALL_ACCESS 0xF001F
#define FILE_MAP_COPY 0x01
#define FILE_MAP_WRITE 0x02
#define FILE_MAP_READ 0x04
#define FILE_MAP_EXECUTE 0x20
#define FILE_MAP_ALL_ACCESS 0xF001F

#define EVENT_QUERY_STATE 0x0001
#define EVENT_MODIFY_STATE 0x0002
#define EVENT_ALL_ACCESS 0x1F0003
#define MUTANT_QUERY_STATE 0x0001
#define MUTANT_ALL_ACCESS 0x1F0001
#define MUTEX_MODIFY_STATE 0x0001
#define MUTEX_ALL_ACCESS 0x1F0001
#define SEMAPHORE_QUERY_STATE 0x0001
#define SEMAPHORE_MODIFY_STATE 0x0002
#define SEMAPHORE_ALL_ACCESS 0x1F0003
#define CREATE_EVENT_MANUAL_RESET 1
#define CREATE_EVENT_INITIAL_SET 2
#define CREATE_MUTEX_INITIAL_OWNER 1

#define HANDLE_FLAG_INHERIT 1
#define HANDLE_FLAG_PROTECT_FROM_CLOSE 2
#define DUPLICATE_CLOSE_SOURCE 1
#define DUPLICATE_SAME_ACCESS 2

#define MEM_COMMIT 0x00001000
#define MEM_RESERVE 0x00002000
#define MEM_DECOMMIT 0x00004000
#define MEM_RELEASE 0x00008000
#define MEM_FREE 0x00010000
#define MEM_PRIVATE 0x00020000
#define MEM_MAPPED 0x00040000
#define MEM_RESET 0x00080000
#define MEM_IMAGE 0x01000000

#define FILE_SHARE_READ 1
#define FILE_SHARE_WRITE 2
#define FILE_SHARE_DELETE 4
#define CREATE_NEW 1
#define CREATE_ALWAYS 2
#define OPEN_EXISTING 3
#define OPEN_ALWAYS 4
#define TRUNCATE_EXISTING 5
#define FILE_ATTRIBUTE_NORMAL 0x00000080
#define FILE_ATTRIBUTE_TEMPORARY 0x00000100
#define FILE_FLAG_DELETE_ON_CLOSE 0x04000000
#define FILE_TYPE_UNKNOWN 0
#define FILE_TYPE_DISK 1
#define FILE_TYPE_CHAR 2
#define FILE_TYPE_PIPE 3

#define ERROR_SUCCESS 0
#define NO_ERROR 0
#define ERROR_FILE_NOT_FOUND 2
#define ERROR_PATH_NOT_FOUND 3
#define ERROR_TOO_MANY_OPEN_FILES 4
#define ERROR_ACCESS_DENIED 5
#define ERROR_INVALID_HANDLE 6
#define ERROR_NOT_ENOUGH_MEMORY 8
#define ERROR_WRITE_PROTECT 19
#define ERROR_GEN_FAILURE 31
#define ERROR_SHARING_VIOLATION 32
#define ERROR_HANDLE_EOF 38
#define ERROR_NOT_SUPPORTED 50
#define ERROR_FILE_EXISTS 80
#define ERROR_INVALID_PARAMETER 87
#define ERROR_BROKEN_PIPE 109
#define ERROR_DISK_FULL 112
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_INVALID_NAME 123
#define ERROR_BAD_PATHNAME 161
#define ERROR_BUSY 170
#define ERROR_ALREADY_EXISTS 183
#define ERROR_BAD_EXE_FORMAT 193
#define ERROR_FILENAME_EXCED_RANGE 206
#define ERROR_NOT_OWNER 288
#define ERROR_TOO_MANY_POSTS 298
#define ERROR_INVALID_ADDRESS 487
#define ERROR_MUTANT_LIMIT_EXCEEDED 587
#define ERROR_NOACCESS 998
#define ERROR_SWAPERROR 999
#define ERROR_INVALID_FLAGS 1004
#define ERROR_FILE_INVALID 1006
#define ERROR_NO_UNICODE_TRANSLATION 1113
#define ERROR_MAPPED_ALIGNMENT 1132
#define ERROR_PRIVILEGE_NOT_HELD 1314
#define ERROR_FILE_CORRUPT 1392
#define ERROR_NO_SYSTEM_RESOURCES 1450
#define ERROR_COMMITMENT_LIMIT 1455
#define ERROR_TIMEOUT 1460
#define ERROR_DATATYPE_MISMATCH 1629
#define ERROR_NOT_SAME_OBJECT 1656

/* Sections and views. */

NAMEDSHM_API HANDLE WINAPI CreateFileMappingA(HANDLE file, LPSECURITY_ATTRIBUTES attributes, DWORD protect,
                                              DWORD sizeHigh, DWORD sizeLow, LPCSTR name);
NAMEDSHM_API HANDLE WINAPI CreateFileMappingW(HANDLE file, LPSECURITY_ATTRIBUTES attributes, DWORD protect,
                                              DWORD sizeHigh, DWORD sizeLow, LPCWSTR name);
NAMEDSHM_API HANDLE WINAPI OpenFileMappingA(DWORD access, BOOL inherit, LPCSTR name);
NAMEDSHM_API HANDLE WINAPI OpenFileMappingW(DWORD access, BOOL inherit, LPCWSTR name);
NAMEDSHM_API LPVOID WINAPI MapViewOfFile(HANDLE section, DWORD access, DWORD offsetHigh, DWORD offsetLow,
                                         SIZE_T length);
NAMEDSHM_API LPVOID WINAPI MapViewOfFileEx(HANDLE section, DWORD access, DWORD offsetHigh, DWORD offsetLow,
                                           SIZE_T length, LPVOID base);
NAMEDSHM_API BOOL WINAPI UnmapViewOfFile(LPCVOID address);
NAMEDSHM_API BOOL WINAPI FlushViewOfFile(LPCVOID address, SIZE_T length);

/* The size of a section, which no Win32 call returns: whole pages, or the exact size of one over a file.
 * NtQuerySection takes this one class, and returns 0 or one of the statuses below; it keeps no last error. */

typedef LONG NTSTATUS;
#define STATUS_SUCCESS ((NTSTATUS)0)
#define STATUS_INVALID_INFO_CLASS ((NTSTATUS)0xC0000003)
#define STATUS_INFO_LENGTH_MISMATCH ((NTSTATUS)0xC0000004)
#define STATUS_ACCESS_VIOLATION ((NTSTATUS)0xC0000005)
#define STATUS_INVALID_HANDLE ((NTSTATUS)0xC0000008)
#define STATUS_ACCESS_DENIED ((NTSTATUS)0xC0000022)

typedef enum _SECTION_INFORMATION_CLASS { SectionBasicInformation } SECTION_INFORMATION_CLASS;
typedef struct _SECTION_BASIC_INFORMATION {
    PVOID BaseAddress;
    ULONG Attributes;
    LARGE_INTEGER Size;
} SECTION_BASIC_INFORMATION;

NAMEDSHM_API NTSTATUS WINAPI NtQuerySection(HANDLE section, SECTION_INFORMATION_CLASS what, PVOID information,
                                            SIZE_T length, PSIZE_T needed);

/* Pages of views. VirtualQuery works for any address, the others only for views. */

NAMEDSHM_API SIZE_T WINAPI VirtualQuery(LPCVOID address, PMEMORY_BASIC_INFORMATION information, SIZE_T length);
NAMEDSHM_API BOOL WINAPI VirtualProtect(LPVOID address, SIZE_T size, DWORD protect, PDWORD before);
NAMEDSHM_API LPVOID WINAPI VirtualAlloc(LPVOID address, SIZE_T size, DWORD kind, DWORD protect);
NAMEDSHM_API BOOL WINAPI VirtualFree(LPVOID address, SIZE_T size, DWORD kind);

/* Handles. */

NAMEDSHM_API BOOL WINAPI CloseHandle(HANDLE handle);
NAMEDSHM_API BOOL WINAPI DuplicateHandle(HANDLE sourceProcess, HANDLE source, HANDLE targetProcess, LPHANDLE target,
                                         DWORD access, BOOL inherit, DWORD options);
NAMEDSHM_API BOOL WINAPI CompareObjectHandles(HANDLE first, HANDLE second);
NAMEDSHM_API BOOL WINAPI GetHandleInformation(HANDLE handle, LPDWORD flags);
NAMEDSHM_API BOOL WINAPI SetHandleInformation(HANDLE handle, DWORD mask, DWORD flags);

/* Files, for sections over them. A name is a path of this system. */

NAMEDSHM_API HANDLE WINAPI CreateFileA(LPCSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES attributes,
                                       DWORD disposition, DWORD flags, HANDLE pattern);
NAMEDSHM_API HANDLE WINAPI CreateFileW(LPCWSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES attributes,
                                       DWORD disposition, DWORD flags, HANDLE pattern);
NAMEDSHM_API BOOL WINAPI GetFileSizeEx(HANDLE file, PLARGE_INTEGER size);
NAMEDSHM_API DWORD WINAPI GetFileType(HANDLE file);

/* Events. */

NAMEDSHM_API HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES attributes, BOOL manual, BOOL set, LPCSTR name);
NAMEDSHM_API HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES attributes, BOOL manual, BOOL set, LPCWSTR name);
NAMEDSHM_API HANDLE WINAPI CreateEventExA(LPSECURITY_ATTRIBUTES attributes, LPCSTR name, DWORD flags, DWORD access);
NAMEDSHM_API HANDLE WINAPI CreateEventExW(LPSECURITY_ATTRIBUTES attributes, LPCWSTR name, DWORD flags, DWORD access);
NAMEDSHM_API HANDLE WINAPI OpenEventA(DWORD access, BOOL inherit, LPCSTR name);
NAMEDSHM_API HANDLE WINAPI OpenEventW(DWORD access, BOOL inherit, LPCWSTR name);
NAMEDSHM_API BOOL WINAPI SetEvent(HANDLE event);
NAMEDSHM_API BOOL WINAPI ResetEvent(HANDLE event);
NAMEDSHM_API BOOL WINAPI PulseEvent(HANDLE event);

/* Mutexes. The owner is the calling thread; one that ends abandons what it owns. */

NAMEDSHM_API HANDLE WINAPI CreateMutexA(LPSECURITY_ATTRIBUTES attributes, BOOL owned, LPCSTR name);
NAMEDSHM_API HANDLE WINAPI CreateMutexW(LPSECURITY_ATTRIBUTES attributes, BOOL owned, LPCWSTR name);
NAMEDSHM_API HANDLE WINAPI CreateMutexExA(LPSECURITY_ATTRIBUTES attributes, LPCSTR name, DWORD flags, DWORD access);
NAMEDSHM_API HANDLE WINAPI CreateMutexExW(LPSECURITY_ATTRIBUTES attributes, LPCWSTR name, DWORD flags, DWORD access);
NAMEDSHM_API HANDLE WINAPI OpenMutexA(DWORD access, BOOL inherit, LPCSTR name);
NAMEDSHM_API HANDLE WINAPI OpenMutexW(DWORD access, BOOL inherit, LPCWSTR name);
NAMEDSHM_API BOOL WINAPI ReleaseMutex(HANDLE mutex);

/* Semaphores. */

NAMEDSHM_API HANDLE WINAPI CreateSemaphoreA(LPSECURITY_ATTRIBUTES attributes, LONG initial, LONG maximum, LPCSTR name);
NAMEDSHM_API HANDLE WINAPI CreateSemaphoreW(LPSECURITY_ATTRIBUTES attributes, LONG initial, LONG maximum,
                                            LPCWSTR name);
NAMEDSHM_API HANDLE WINAPI CreateSemaphoreExA(LPSECURITY_ATTRIBUTES attributes, LONG initial, LONG maximum,
                                              LPCSTR name, DWORD flags, DWORD access);
NAMEDSHM_API HANDLE WINAPI CreateSemaphoreExW(LPSECURITY_ATTRIBUTES attributes, LONG initial, LONG maximum,
                                              LPCWSTR name, DWORD flags, DWORD access);
NAMEDSHM_API HANDLE WINAPI OpenSemaphoreA(DWORD access, BOOL inherit, LPCSTR name);
NAMEDSHM_API HANDLE WINAPI OpenSemaphoreW(DWORD access, BOOL inherit, LPCWSTR name);
NAMEDSHM_API BOOL WINAPI ReleaseSemaphore(HANDLE semaphore, LONG count, LPLONG previous);

/* Waiting. */

NAMEDSHM_API DWORD WINAPI WaitForSingleObject(HANDLE object, DWORD milliseconds);
NAMEDSHM_API DWORD WINAPI WaitForMultipleObjects(DWORD count, const HANDLE *objects, BOOL all, DWORD milliseconds);
NAMEDSHM_API DWORD WINAPI SignalObjectAndWait(HANDLE signal, HANDLE object, DWORD milliseconds, BOOL alertable);

/* The calling thread and process. */

NAMEDSHM_API DWORD WINAPI GetLastError(void);
NAMEDSHM_API VOID WINAPI SetLastError(DWORD code);
NAMEDSHM_API HANDLE WINAPI GetCurrentProcess(void);
NAMEDSHM_API DWORD WINAPI GetCurrentProcessId(void);
NAMEDSHM_API DWORD WINAPI GetCurrentThreadId(void);

/* The same calls for the character type that UNICODE chooses. */
#ifdef UNICODE
#define CreateFileMapping CreateFileMappingW
#define OpenFileMapping OpenFileMappingW
#define CreateFile CreateFileW
#define CreateEvent CreateEventW
#define CreateEventEx CreateEventExW
#define OpenEvent OpenEventW
#define CreateMutex CreateMutexW
#define CreateMutexEx CreateMutexExW
#define OpenMutex OpenMutexW
#define CreateSemaphore CreateSemaphoreW
#define CreateSemaphoreEx CreateSemaphoreExW
#define OpenSemaphore OpenSemaphoreW
#else
#define CreateFileMapping CreateFileMappingA
#define OpenFileMapping OpenFileMappingA
#define CreateFile CreateFileA
#define CreateEvent CreateEventA
#define CreateEventEx CreateEventExA
#define OpenEvent OpenEventA
#define CreateMutex CreateMutexA
#define CreateMutexEx CreateMutexExA
#define OpenMutex OpenMutexA
#define CreateSemaphore CreateSemaphoreA
#define CreateSemaphoreEx CreateSemaphoreExA
#define OpenSemaphore OpenSemaphoreA
#endif

#ifdef __cplusplus
}
#endif

#endif
