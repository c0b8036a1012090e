/* Time, and the machine. */

#include "guest.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

static ULONGLONG nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (ULONGLONG)now.tv_sec * 1000000000 + (ULONGLONG)now.tv_nsec;
}

VOID WINAPI Sleep(DWORD milliseconds)
{
    struct timespec end;
    if (milliseconds == 0) {
        sched_yield();
        return;
    }
    if (milliseconds == INFINITE)
        for (;;)
            pause();
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    /* To a moment, not for a while: a handler that interrupts it makes it no longer. */
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
        ;
}

/* The clock that keeps running while the machine sleeps, as Windows' does. */
ULONGLONG WINAPI GetTickCount64(void) { return nanoseconds(CLOCK_BOOTTIME) / 1000000; }

DWORD WINAPI GetTickCount(void) { return (DWORD)GetTickCount64(); }

BOOL WINAPI QueryPerformanceCounter(PLARGE_INTEGER count)
{
    count->QuadPart = (LONGLONG)(nanoseconds(CLOCK_MONOTONIC) / 100);
    return TRUE;
}

BOOL WINAPI QueryPerformanceFrequency(PLARGE_INTEGER perSecond)
{
    perSecond->QuadPart = 10000000; /* as on Windows since its version 10 */
    return TRUE;
}

VOID WINAPI GetSystemInfo(LPSYSTEM_INFO information)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *information = (SYSTEM_INFO){
#if defined(__x86_64__)
        .wProcessorArchitecture = PROCESSOR_ARCHITECTURE_AMD64,
#elif defined(__aarch64__)
        .wProcessorArchitecture = PROCESSOR_ARCHITECTURE_ARM64,
#else
        .wProcessorArchitecture = PROCESSOR_ARCHITECTURE_UNKNOWN,
#endif
        .dwPageSize = (DWORD)sysconf(_SC_PAGESIZE),
        .lpMinimumApplicationAddress = (LPVOID)0x10000,
        .lpMaximumApplicationAddress = (LPVOID)0x7FFFFFFEFFFF,
        .dwActiveProcessorMask = processors < 64 ? ((DWORD_PTR)1 << processors) - 1 : ~(DWORD_PTR)0,
        .dwNumberOfProcessors = (DWORD)processors,
        .dwAllocationGranularity = 65536,
    };
}
