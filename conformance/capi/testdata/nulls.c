// The program gives NULL where the library's calls want to be told, or to tell, something, and looks at the last error.
// That a call survives is half of what is shown.

#include <windows.h>

#include <stdio.h>

static int failures;

static void want(const char *call, long long result, long long wanted, DWORD code)
{
    if (result == wanted && GetLastError() == code)
        return;
    printf("%s gives %lld and %u, want %lld and %u\n", call, result, GetLastError(), wanted, code);
    failures++;
}

#define WANT(call, result, code) (SetLastError(4242), want(#call, (long long)(call), result, code))
#define KEPT 4242

static void waits(void)
{
    HANDLE semaphore = CreateSemaphoreA(NULL, 0, 2, NULL);
    WANT(WaitForMultipleObjects(2, NULL, FALSE, 0), WAIT_FAILED, ERROR_NOACCESS);
    WANT(WaitForMultipleObjects(MAXIMUM_WAIT_OBJECTS, NULL, TRUE, INFINITE), WAIT_FAILED, ERROR_NOACCESS);
    WANT(WaitForMultipleObjects(0, NULL, FALSE, 0), WAIT_FAILED, ERROR_INVALID_PARAMETER);
    WANT(ReleaseSemaphore(semaphore, 1, NULL), TRUE, KEPT);
    WANT(ReleaseSemaphore(NULL, 1, NULL), FALSE, ERROR_INVALID_HANDLE);
    CloseHandle(semaphore);
}

static void memory(void)
{
    SECTION_BASIC_INFORMATION section_information;
    MEMORY_BASIC_INFORMATION information;
    DWORD before;
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, NULL);
    char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    WANT(VirtualQuery(view, NULL, sizeof information), 0, ERROR_NOACCESS);
    WANT(VirtualQuery(NULL, NULL, sizeof information), 0, ERROR_NOACCESS);
    WANT(VirtualQuery(NULL, &information, sizeof information), sizeof information, KEPT);
    WANT(VirtualProtect(view, 4096, PAGE_READONLY, NULL), FALSE, ERROR_NOACCESS);
    *view = 1; // nothing has been changed
    WANT(VirtualProtect(NULL, 4096, PAGE_READONLY, &before), FALSE, ERROR_INVALID_ADDRESS);
    WANT(UnmapViewOfFile(NULL), FALSE, ERROR_INVALID_ADDRESS);
    WANT(FlushViewOfFile(NULL, 0), FALSE, ERROR_INVALID_ADDRESS);
    WANT(NtQuerySection(section, SectionBasicInformation, NULL, sizeof section_information, NULL), STATUS_ACCESS_VIOLATION, KEPT);
    WANT(NtQuerySection(section, SectionBasicInformation, &section_information, sizeof section_information, NULL), STATUS_SUCCESS, KEPT);
    WANT(DuplicateHandle(GetCurrentProcess(), section, GetCurrentProcess(), NULL, 0, FALSE, DUPLICATE_SAME_ACCESS), TRUE, KEPT);
    UnmapViewOfFile(view);
    CloseHandle(section);
}

static void names(void)
{
    WANT(OpenFileMappingA(FILE_MAP_READ, FALSE, NULL), 0, ERROR_INVALID_PARAMETER);
    WANT(OpenFileMappingW(FILE_MAP_READ, FALSE, NULL), 0, ERROR_INVALID_PARAMETER);
    WANT(OpenEventA(SYNCHRONIZE, FALSE, NULL), 0, ERROR_INVALID_PARAMETER);
    WANT(OpenEventW(SYNCHRONIZE, FALSE, NULL), 0, ERROR_INVALID_PARAMETER);
    WANT(OpenMutexA(SYNCHRONIZE, FALSE, NULL), 0, ERROR_INVALID_PARAMETER);
    WANT(OpenMutexW(SYNCHRONIZE, FALSE, NULL), 0, ERROR_INVALID_PARAMETER);
    WANT(OpenSemaphoreA(SYNCHRONIZE, FALSE, NULL), 0, ERROR_INVALID_PARAMETER);
    WANT(OpenSemaphoreW(SYNCHRONIZE, FALSE, NULL), 0, ERROR_INVALID_PARAMETER);
    WANT(CreateFileA(NULL, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL), -1, ERROR_PATH_NOT_FOUND);
    WANT(CreateFileW(NULL, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL), -1, ERROR_PATH_NOT_FOUND);
}

static void handles(void)
{
    DWORD flags;
    WANT(CloseHandle(NULL), FALSE, ERROR_INVALID_HANDLE);
    WANT(SetEvent(NULL), FALSE, ERROR_INVALID_HANDLE);
    WANT(ReleaseMutex(NULL), FALSE, ERROR_INVALID_HANDLE);
    WANT(MapViewOfFile(NULL, FILE_MAP_READ, 0, 0, 0), 0, ERROR_INVALID_HANDLE);
    WANT(GetHandleInformation(NULL, &flags), FALSE, ERROR_INVALID_HANDLE);
    WANT(GetHandleInformation(NULL, NULL), FALSE, ERROR_INVALID_HANDLE);
    WANT(SetHandleInformation(NULL, 0, 0), FALSE, ERROR_INVALID_HANDLE);
    WANT(WaitForSingleObject(NULL, 0), WAIT_FAILED, ERROR_INVALID_HANDLE);
    WANT(SignalObjectAndWait(NULL, NULL, 0, FALSE), WAIT_FAILED, ERROR_INVALID_HANDLE);
    WANT(DuplicateHandle(NULL, NULL, NULL, NULL, 0, FALSE, 0), FALSE, ERROR_INVALID_HANDLE);
    WANT(NtQuerySection(NULL, SectionBasicInformation, NULL, 0, NULL), STATUS_INFO_LENGTH_MISMATCH, KEPT);
}

int main(void)
{
    waits();
    memory();
    names();
    handles();
    return failures != 0;
}
