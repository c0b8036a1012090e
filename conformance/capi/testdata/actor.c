// The process that package win32table talks to: it makes the calls that it is told, line by line, through the C library.
// That package says how the lines are to be read.

#define _GNU_SOURCE
#include <windows.h>

#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { most_words = 80, most_threads = 64, longest = 200000, most_out = 3 << 20, untouched = 4242 };

static char *words[most_threads][most_words]; // of the call that a thread makes
static __thread char **word;                  // those of this thread
static __thread int count;
static __thread char *out; // and what is to be answered

static unsigned long long number(int i)
{
    if (i >= count)
        return 0;
    return word[i][0] == '-' ? (unsigned long long)strtoll(word[i], NULL, 10) : strtoull(word[i], NULL, 10);
}

static HANDLE handle(int i) { return (HANDLE)(ULONG_PTR)number(i); }
static DWORD bits(int i) { return (DWORD)number(i); }
static char *address(int i) { return (char *)number(i); }

static SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
static LPSECURITY_ATTRIBUTES attributes(int i) { return number(i) ? &inherited : NULL; }

// hex is the bytes behind the kind of a word, in the order that they are written in, n digits to a unit.
static void *hex(const char *text, int digits, size_t *length)
{
    size_t n = strlen(text) / digits;
    unsigned char *to = calloc(n + 1, 2);
    for (size_t i = 0; i < n; i++) {
        char unit[5] = "";
        memcpy(unit, text + i * digits, digits);
        unsigned long value = strtoul(unit, NULL, 16);
        if (digits == 4)
            ((WCHAR *)to)[i] = (WCHAR)value;
        else
            to[i] = (unsigned char)value;
    }
    if (length)
        *length = n;
    return to;
}

// name is NULL for a word that is no text.
static void *name(int i)
{
    return i < count && word[i][1] == ':' ? hex(word[i] + 2, word[i][0] == 'w' ? 4 : 2, NULL) : NULL;
}

typedef unsigned long long (*call)(void);

#define HANDLE_OF(expression) ((unsigned long long)(ULONG_PTR)(expression))

#define BOTH(function, text, arguments) \
    static unsigned long long call_##function##A(void) \
    { \
        typedef LPSTR text; \
        return HANDLE_OF(function##A arguments); \
    } \
    static unsigned long long call_##function##W(void) \
    { \
        typedef LPWSTR text; \
        return HANDLE_OF(function##W arguments); \
    }

BOTH(CreateFileMapping, text, (handle(0), attributes(1), bits(2), (DWORD)(number(3) >> 32), bits(3), (text)name(4)))
BOTH(OpenFileMapping, text, (bits(0), (BOOL)number(1), (text)name(2)))
BOTH(CreateEvent, text, (attributes(0), (BOOL)number(1), (BOOL)number(2), (text)name(3)))
BOTH(OpenEvent, text, (bits(0), (BOOL)number(1), (text)name(2)))
BOTH(CreateMutex, text, (attributes(0), (BOOL)number(1), (text)name(2)))
BOTH(OpenMutex, text, (bits(0), (BOOL)number(1), (text)name(2)))
BOTH(CreateSemaphore, text, (attributes(0), (LONG)number(1), (LONG)number(2), (text)name(3)))
BOTH(OpenSemaphore, text, (bits(0), (BOOL)number(1), (text)name(2)))
BOTH(CreateFile, text, ((text)name(0), bits(1), FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, bits(2),
                        FILE_ATTRIBUTE_NORMAL, NULL))

static unsigned long long call_MapViewOfFile(void)
{
    return HANDLE_OF(MapViewOfFile(handle(0), bits(1), (DWORD)(number(2) >> 32), bits(2), number(3)));
}
static unsigned long long call_MapViewOfFileEx(void)
{
    return HANDLE_OF(MapViewOfFileEx(handle(0), bits(1), (DWORD)(number(2) >> 32), bits(2), number(3), address(4)));
}
static unsigned long long call_UnmapViewOfFile(void) { return UnmapViewOfFile(address(0)); }
static unsigned long long call_FlushViewOfFile(void) { return FlushViewOfFile(address(0), number(1)); }
static unsigned long long call_VirtualQuery(void)
{
    MEMORY_BASIC_INFORMATION m;
    if (VirtualQuery(address(0), &m, sizeof m) != sizeof m)
        return 0;
    sprintf(out, " %llu %llu %u %zu %u %u %u", HANDLE_OF(m.BaseAddress), HANDLE_OF(m.AllocationBase), m.AllocationProtect,
            m.RegionSize, m.State, m.Protect, m.Type);
    return 1;
}
static unsigned long long call_VirtualProtect(void)
{
    DWORD old = 0;
    BOOL done = VirtualProtect(address(0), number(1), bits(2), &old);
    sprintf(out, " %u", old);
    return done;
}
static unsigned long long call_VirtualAlloc(void) { return HANDLE_OF(VirtualAlloc(address(0), number(1), bits(2), bits(3))); }
static unsigned long long call_VirtualFree(void) { return VirtualFree(address(0), number(1), bits(2)); }
static unsigned long long call_CloseHandle(void) { return CloseHandle(handle(0)); }
static unsigned long long call_DuplicateHandle(void)
{
    HANDLE to = NULL, self = GetCurrentProcess();
    BOOL done = DuplicateHandle(self, handle(0), self, &to, bits(1), (BOOL)number(2), bits(3));
    sprintf(out, " %llu", HANDLE_OF(to));
    return done;
}
static unsigned long long call_CompareObjectHandles(void) { return CompareObjectHandles(handle(0), handle(1)); }
static unsigned long long call_GetHandleInformation(void)
{
    DWORD flags = 0;
    BOOL done = GetHandleInformation(handle(0), &flags);
    sprintf(out, " %u", flags);
    return done;
}
static unsigned long long call_SetHandleInformation(void) { return SetHandleInformation(handle(0), bits(1), bits(2)); }
static unsigned long long call_SetEvent(void) { return SetEvent(handle(0)); }
static unsigned long long call_ResetEvent(void) { return ResetEvent(handle(0)); }
static unsigned long long call_PulseEvent(void) { return PulseEvent(handle(0)); }
static unsigned long long call_ReleaseMutex(void) { return ReleaseMutex(handle(0)); }
static unsigned long long call_ReleaseSemaphore(void)
{
    LONG previous = -1;
    BOOL done = ReleaseSemaphore(handle(0), (LONG)number(1), &previous);
    sprintf(out, " %d", previous);
    return done;
}
static unsigned long long call_WaitForSingleObject(void) { return WaitForSingleObject(handle(0), bits(1)); }
static unsigned long long call_WaitForMultipleObjects(void)
{
    HANDLE all[most_words];
    for (int i = 2; i < count; i++)
        all[i - 2] = handle(i);
    return WaitForMultipleObjects(count - 2, all, (BOOL)number(0), bits(1));
}
static unsigned long long call_SignalObjectAndWait(void) { return SignalObjectAndWait(handle(0), handle(1), bits(2), FALSE); }
static unsigned long long call_NtQuerySection(void)
{
    SECTION_BASIC_INFORMATION told = {0};
    NTSTATUS status = NtQuerySection(handle(0), SectionBasicInformation, &told, sizeof told, NULL);
    if (status != STATUS_SUCCESS)
        SetLastError(status == STATUS_ACCESS_DENIED ? ERROR_ACCESS_DENIED : ERROR_INVALID_HANDLE);
    sprintf(out, " %lld %u", told.Size.QuadPart, told.Attributes);
    return status == STATUS_SUCCESS;
}
static unsigned long long call_GetFileSizeEx(void)
{
    LARGE_INTEGER size = {0};
    BOOL done = GetFileSizeEx(handle(0), &size);
    sprintf(out, " %lld", size.QuadPart);
    return done;
}
static unsigned long long call_GetFileType(void) { return GetFileType(handle(0)); }

// Memory that may not be there.
static __thread sigjmp_buf back;

static void fault(int signal) { siglongjmp(back, signal); }

static unsigned long long call_peek(void)
{
    size_t n = number(1);
    if (2 * n + 10 > most_out)
        exit(1);
    if (sigsetjmp(back, 1)) {
        *out = 0;
        return 0;
    }
    char *to = out + sprintf(out, " x:");
    for (size_t i = 0; i < n; i++)
        to += sprintf(to, "%02x", ((volatile unsigned char *)address(0))[i]);
    return 1;
}
static unsigned long long call_poke(void)
{
    size_t n;
    unsigned char *bytes = hex(word[1] + 2, 2, &n);
    if (sigsetjmp(back, 1))
        return 0;
    for (size_t i = 0; i < n; i++)
        ((volatile unsigned char *)address(0))[i] = bytes[i];
    free(bytes);
    return 1;
}
static unsigned long long call_renounce(void)
{
    const uid_t stranger = 64101;
    return setgroups(0, NULL) == 0 && setgid(stranger) == 0 && setuid(stranger) == 0;
}

#define CALL(function) {#function, call_##function}
#define CALLS(function) {#function "A", call_##function##A}, {#function "W", call_##function##W}

static const struct {
    const char *name;
    call make;
} calls[] = {
    CALLS(CreateFileMapping),   CALLS(OpenFileMapping),  CALLS(CreateEvent),         CALLS(OpenEvent),
    CALLS(CreateMutex),         CALLS(OpenMutex),        CALLS(CreateSemaphore),     CALLS(OpenSemaphore),
    CALLS(CreateFile),          CALL(MapViewOfFile),     CALL(MapViewOfFileEx),      CALL(UnmapViewOfFile),
    CALL(FlushViewOfFile),      CALL(VirtualQuery),      CALL(VirtualProtect),       CALL(VirtualAlloc),
    CALL(VirtualFree),          CALL(CloseHandle),       CALL(DuplicateHandle),      CALL(GetHandleInformation),
    CALL(CompareObjectHandles),
    CALL(SetHandleInformation), CALL(SetEvent),          CALL(ResetEvent),           CALL(PulseEvent),
    CALL(ReleaseMutex),         CALL(ReleaseSemaphore),  CALL(WaitForSingleObject),  CALL(WaitForMultipleObjects),
    CALL(SignalObjectAndWait),  CALL(NtQuerySection),    CALL(GetFileSizeEx),        CALL(GetFileType),
    CALL(peek),                 CALL(poke),              CALL(renounce),
};

static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static void answer(int thread, const char *text, const char *more)
{
    pthread_mutex_lock(&printing);
    printf("%d %s%s\n", thread, text, more);
    fflush(stdout);
    pthread_mutex_unlock(&printing);
}

static void perform(int thread)
{
    char text[80] = "?";
    *out = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(calls[i].name, words[thread][0]))
            continue;
        SetLastError(untouched);
        unsigned long long value = calls[i].make();
        DWORD code = GetLastError();
        // That a file existed already is no error of the call.
        bool success = code == untouched || (!strncmp(calls[i].name, "CreateFile", 10) && calls[i].name[10] != 'M' && code == 0);
        if (success)
            snprintf(text, sizeof text, "%llu -", value);
        else
            snprintf(text, sizeof text, "%llu %u", value, code);
    }
    answer(thread, text, out);
}

// Each thread is told by a pipe that its words are there.
static struct {
    pthread_t id;
    bool lives;
    int length, told[2];
    char line[longest];
} threads[most_threads];

static void *run(void *p)
{
    int thread = (int)(ULONG_PTR)p;
    char kind;
    out = malloc(most_out);
    while (read(threads[thread].told[0], &kind, 1) == 1 && kind == 'c') {
        word = words[thread] + 1;
        count = threads[thread].length - 1;
        perform(thread);
    }
    free(out);
    return NULL;
}

static void tell(int thread, char kind)
{
    if (!threads[thread].lives) {
        if (pipe(threads[thread].told) || pthread_create(&threads[thread].id, NULL, run, (void *)(ULONG_PTR)thread))
            exit(1);
        threads[thread].lives = true;
    }
    if (write(threads[thread].told[1], &kind, 1) != 1)
        exit(1);
}

int main(void)
{
    static char line[longest];
    struct sigaction action = {.sa_handler = fault};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    while (fgets(line, sizeof line, stdin)) {
        int thread = (int)strtol(line, NULL, 10), n = 0;
        if (thread < 0 || thread >= most_threads)
            return 1;
        strcpy(threads[thread].line, line);
        strtok(threads[thread].line, " \n");
        while (n < most_words && (words[thread][n] = strtok(NULL, " \n")))
            n++;
        threads[thread].length = n;
        if (n == 0)
            continue;
        if (!strcmp(words[thread][0], "exit"))
            _exit(0);
        if (strcmp(words[thread][0], "endthread")) {
            tell(thread, 'c');
            continue;
        }
        tell(thread, 'e');
        pthread_join(threads[thread].id, NULL);
        close(threads[thread].told[0]);
        close(threads[thread].told[1]);
        threads[thread].lives = false;
        answer(thread, "1 -", "");
    }
    return 0;
}
