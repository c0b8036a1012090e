// Makes a call as often as it is told, and tells how many nanoseconds that took. One program, for the C library and for
// Wine. A line of its input is a case and a number.
#include <windows.h>

#include <stdio.h>
#include <string.h>

static HANDLE event, set;

static int pair(void) { return SetEvent(event) && ResetEvent(event); }

static int wait_set(void) { return WaitForSingleObject(set, 0) == WAIT_OBJECT_0; }

static int section(void)
{
    HANDLE h = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "Local\\namedshm-bench-calls");
    return h && CloseHandle(h);
}

int main(void)
{
    static const struct {
        const char *name;
        int (*call)(void);
    } cases[] = {{"event", pair}, {"wait", wait_set}, {"section", section}};
    char name[20];
    int count;
    LARGE_INTEGER frequency, start, end;
    QueryPerformanceFrequency(&frequency);
    event = CreateEventA(NULL, TRUE, FALSE, NULL);
    set = CreateEventA(NULL, TRUE, TRUE, NULL);
    while (scanf("%19s %d", name, &count) == 2) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            if (strcmp(cases[i].name, name))
                continue;
            QueryPerformanceCounter(&start);
            for (int n = 0; n < count; n++)
                if (!cases[i].call())
                    return 1;
            QueryPerformanceCounter(&end);
            printf("%.0f\n", (double)(end.QuadPart - start.QuadPart) * 1e9 / (double)frequency.QuadPart);
            fflush(stdout);
        }
    }
    return 0;
}
