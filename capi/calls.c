/* The Win32 calls: which threads may call, the last error, and the way to Go. */

#include "guest.h"

#include <stdlib.h>

#include "_cgo_export.h"

#define NUMBER(handle) ((uintptr_t)(handle))

/* created is the end of a Create call: it writes the last error in any case. */
static HANDLE created(uintptr_t handle, DWORD code)
{
    SetLastError(code);
    return (HANDLE)handle;
}

/* opened is the end of an Open call. */
static HANDLE opened(uintptr_t handle, DWORD code)
{
    conclude(code);
    return (HANDLE)handle;
}

/* waited is the end of a wait, which may have made the thread the owner of a mutex. */
static DWORD waited(DWORD event, DWORD code)
{
    conclude(code);
    owning();
    return event;
}

/* Each call of a name, once for either width. */
#define BOTH_WIDTHS(define) \
    define(A, LPCSTR, 0) \
    define(W, LPCWSTR, 1)

/* Sections and views. */

#define SECTION(width, text, wide) \
    HANDLE WINAPI CreateFileMapping##width(HANDLE file, LPSECURITY_ATTRIBUTES attributes, DWORD protect, \
                                           DWORD sizeHigh, DWORD sizeLow, text name) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goCreateFileMapping(NUMBER(file), attributes, protect, sizeHigh, sizeLow, (void *)name, \
                                               wide, &code); \
        return created(handle, code); \
    } \
    HANDLE WINAPI OpenFileMapping##width(DWORD access, BOOL inherit, text name) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goOpenFileMapping(access, inherit, (void *)name, wide, &code); \
        return opened(handle, code); \
    }
BOTH_WIDTHS(SECTION)

LPVOID WINAPI MapViewOfFileEx(HANDLE section, DWORD access, DWORD offsetHigh, DWORD offsetLow, SIZE_T length,
                              LPVOID base)
{
    DWORD code;
    if (!enter())
        return NULL;
    uintptr_t address = goMapViewOfFileEx(NUMBER(section), access, offsetHigh, offsetLow, length, NUMBER(base), &code);
    conclude(code);
    return (LPVOID)address;
}

LPVOID WINAPI MapViewOfFile(HANDLE section, DWORD access, DWORD offsetHigh, DWORD offsetLow, SIZE_T length)
{
    return MapViewOfFileEx(section, access, offsetHigh, offsetLow, length, NULL);
}

BOOL WINAPI UnmapViewOfFile(LPCVOID address) { return enter() && conclude(goUnmapViewOfFile(NUMBER(address))); }

BOOL WINAPI FlushViewOfFile(LPCVOID address, SIZE_T length)
{
    return enter() && conclude(goFlushViewOfFile(NUMBER(address), length));
}

/* missing reports that a pointer is NULL which Windows' kernel, and not the program, would have written through or read
 * from. That is an error there and no crash. */
static bool missing(const void *pointer)
{
    if (!pointer)
        SetLastError(ERROR_NOACCESS);
    return !pointer;
}

SIZE_T WINAPI VirtualQuery(LPCVOID address, PMEMORY_BASIC_INFORMATION information, SIZE_T length)
{
    return enter() && !missing(information) && conclude(goVirtualQuery(NUMBER(address), information, length)) ? sizeof *information : 0;
}

BOOL WINAPI VirtualProtect(LPVOID address, SIZE_T size, DWORD protect, PDWORD before)
{
    return enter() && !missing(before) && conclude(goVirtualProtect(NUMBER(address), size, protect, before));
}

LPVOID WINAPI VirtualAlloc(LPVOID address, SIZE_T size, DWORD kind, DWORD protect)
{
    DWORD code;
    if (!enter())
        return NULL;
    uintptr_t got = goVirtualAlloc(NUMBER(address), size, kind, protect, &code);
    conclude(code);
    return (LPVOID)got;
}

BOOL WINAPI VirtualFree(LPVOID address, SIZE_T size, DWORD kind)
{
    return enter() && conclude(goVirtualFree(NUMBER(address), size, kind));
}

NTSTATUS WINAPI NtQuerySection(HANDLE section, SECTION_INFORMATION_CLASS what, PVOID information, SIZE_T length,
                               PSIZE_T needed)
{
    DWORD before = GetLastError();
    if (!enter()) {
        SetLastError(before);
        return STATUS_INVALID_HANDLE;
    }
    if (what != SectionBasicInformation)
        return STATUS_INVALID_INFO_CLASS;
    if (length != sizeof(SECTION_BASIC_INFORMATION))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (!information)
        return STATUS_ACCESS_VIOLATION;
    DWORD code = goQuerySection(NUMBER(section), information);
    if (code != ERROR_SUCCESS)
        return code == ERROR_ACCESS_DENIED ? STATUS_ACCESS_DENIED : STATUS_INVALID_HANDLE;
    if (needed)
        *needed = length;
    return STATUS_SUCCESS;
}

/* Handles. */

BOOL WINAPI CloseHandle(HANDLE handle) { return enter() && conclude(goCloseHandle(NUMBER(handle))); }

BOOL WINAPI DuplicateHandle(HANDLE sourceProcess, HANDLE source, HANDLE targetProcess, LPHANDLE target, DWORD access,
                            BOOL inherit, DWORD options)
{
    return enter() && conclude(goDuplicateHandle(NUMBER(sourceProcess), NUMBER(source), NUMBER(targetProcess),
                                                 (uintptr_t *)target, access, inherit, options));
}

BOOL WINAPI CompareObjectHandles(HANDLE first, HANDLE second)
{
    return enter() && conclude(goCompareObjectHandles(NUMBER(first), NUMBER(second)));
}

BOOL WINAPI GetHandleInformation(HANDLE handle, LPDWORD flags)
{
    return enter() && conclude(goGetHandleInformation(NUMBER(handle), flags));
}

BOOL WINAPI SetHandleInformation(HANDLE handle, DWORD mask, DWORD flags)
{
    return enter() && conclude(goSetHandleInformation(NUMBER(handle), mask, flags));
}

/* Files. */

HANDLE WINAPI CreateFileW(LPCWSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES attributes, DWORD disposition,
                          DWORD flags, HANDLE pattern)
{
    DWORD code;
    if (!enter())
        return INVALID_HANDLE_VALUE;
    uintptr_t handle = goCreateFile((void *)name, access, share, attributes, disposition, flags, NUMBER(pattern), &code);
    return created(handle, code);
}

HANDLE WINAPI CreateFileA(LPCSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES attributes, DWORD disposition,
                          DWORD flags, HANDLE pattern)
{
    LPWSTR wide = widen(name);
    HANDLE handle = CreateFileW(wide, access, share, attributes, disposition, flags, pattern);
    free(wide);
    return handle;
}

BOOL WINAPI GetFileSizeEx(HANDLE file, PLARGE_INTEGER size)
{
    int64_t bytes;
    if (!enter() || !conclude(goGetFileSizeEx(NUMBER(file), &bytes)))
        return FALSE;
    size->QuadPart = bytes;
    return TRUE;
}

DWORD WINAPI GetFileType(HANDLE file)
{
    DWORD code;
    if (!enter())
        return FILE_TYPE_UNKNOWN;
    DWORD kind = goGetFileType(NUMBER(file), &code);
    conclude(code);
    return kind;
}

/* Events. */

#define EVENT(width, text, wide) \
    HANDLE WINAPI CreateEvent##width(LPSECURITY_ATTRIBUTES attributes, BOOL manual, BOOL set, text name) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goCreateEvent(attributes, manual, set, (void *)name, wide, &code); \
        return created(handle, code); \
    } \
    HANDLE WINAPI CreateEventEx##width(LPSECURITY_ATTRIBUTES attributes, text name, DWORD flags, DWORD access) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goCreateEventEx(attributes, (void *)name, wide, flags, access, &code); \
        return created(handle, code); \
    } \
    HANDLE WINAPI OpenEvent##width(DWORD access, BOOL inherit, text name) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goOpenEvent(access, inherit, (void *)name, wide, &code); \
        return opened(handle, code); \
    }
BOTH_WIDTHS(EVENT)

BOOL WINAPI SetEvent(HANDLE event) { return enter() && conclude(goSetEvent(NUMBER(event))); }

BOOL WINAPI ResetEvent(HANDLE event) { return enter() && conclude(goResetEvent(NUMBER(event))); }

BOOL WINAPI PulseEvent(HANDLE event) { return enter() && conclude(goPulseEvent(NUMBER(event))); }

/* Mutexes. */

#define MUTEX(width, text, wide) \
    HANDLE WINAPI CreateMutex##width(LPSECURITY_ATTRIBUTES attributes, BOOL owned, text name) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goCreateMutex(attributes, owned, (void *)name, wide, &code); \
        owning(); \
        return created(handle, code); \
    } \
    HANDLE WINAPI CreateMutexEx##width(LPSECURITY_ATTRIBUTES attributes, text name, DWORD flags, DWORD access) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goCreateMutexEx(attributes, (void *)name, wide, flags, access, &code); \
        owning(); \
        return created(handle, code); \
    } \
    HANDLE WINAPI OpenMutex##width(DWORD access, BOOL inherit, text name) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goOpenMutex(access, inherit, (void *)name, wide, &code); \
        return opened(handle, code); \
    }
BOTH_WIDTHS(MUTEX)

BOOL WINAPI ReleaseMutex(HANDLE mutex) { return enter() && conclude(goReleaseMutex(NUMBER(mutex))); }

/* Semaphores. */

#define SEMAPHORE(width, text, wide) \
    HANDLE WINAPI CreateSemaphore##width(LPSECURITY_ATTRIBUTES attributes, LONG initial, LONG maximum, text name) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goCreateSemaphore(attributes, initial, maximum, (void *)name, wide, &code); \
        return created(handle, code); \
    } \
    HANDLE WINAPI CreateSemaphoreEx##width(LPSECURITY_ATTRIBUTES attributes, LONG initial, LONG maximum, text name, \
                                           DWORD flags, DWORD access) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goCreateSemaphoreEx(attributes, initial, maximum, (void *)name, wide, flags, access, &code); \
        return created(handle, code); \
    } \
    HANDLE WINAPI OpenSemaphore##width(DWORD access, BOOL inherit, text name) \
    { \
        DWORD code; \
        if (!enter()) \
            return NULL; \
        uintptr_t handle = goOpenSemaphore(access, inherit, (void *)name, wide, &code); \
        return opened(handle, code); \
    }
BOTH_WIDTHS(SEMAPHORE)

BOOL WINAPI ReleaseSemaphore(HANDLE semaphore, LONG count, LPLONG previous)
{
    return enter() && conclude(goReleaseSemaphore(NUMBER(semaphore), count, previous));
}

/* Waiting. */

DWORD WINAPI WaitForSingleObject(HANDLE object, DWORD milliseconds)
{
    DWORD code;
    if (!enter())
        return WAIT_FAILED;
    DWORD event = goWaitForSingleObject(NUMBER(object), milliseconds, &code);
    return waited(event, code);
}

DWORD WINAPI WaitForMultipleObjects(DWORD count, const HANDLE *objects, BOOL all, DWORD milliseconds)
{
    DWORD code;
    if (!enter())
        return WAIT_FAILED;
    if (count == 0 || count > MAXIMUM_WAIT_OBJECTS) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return WAIT_FAILED;
    }
    if (missing(objects))
        return WAIT_FAILED;
    DWORD event = goWaitForMultipleObjects(count, (uintptr_t *)objects, all, milliseconds, &code);
    return waited(event, code);
}

DWORD WINAPI SignalObjectAndWait(HANDLE signal, HANDLE object, DWORD milliseconds, BOOL alertable)
{
    DWORD code;
    if (!enter())
        return WAIT_FAILED;
    DWORD event = goSignalObjectAndWait(NUMBER(signal), NUMBER(object), milliseconds, alertable, &code);
    return waited(event, code);
}
