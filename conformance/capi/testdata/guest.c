// A program that has signals, crashes and children of its own, and uses the library beside: each scene, chosen by the
// first argument, checks that the library leaves them alone. It ends with 0, or says what is wrong.

#define _GNU_SOURCE
#include <windows.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s is not so (last error %u, errno %d)\n", __LINE__, #condition, GetLastError(), \
                    errno); \
            exit(1); \
        } \
    } while (0)

static const int asynchronous[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT,  SIGHUP,  SIGCHLD, SIGPROF,   SIGALRM,
                                   SIGURG,  SIGIO,   SIGPIPE, SIGCONT, SIGQUIT, SIGXCPU, SIGVTALRM, SIGWINCH};
enum { kinds = sizeof asynchronous / sizeof *asynchronous };

// labour makes calls of several kinds.
static void labour(void)
{
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, "Local\\guest-section");
    CHECK(section);
    void *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(view);
    memset(view, 1, 65536);
    CHECK(UnmapViewOfFile(view) && CloseHandle(section));
}

// work leaves an event behind, too, whose wait has started the library's own threads.
static HANDLE work(void)
{
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, "Local\\guest-event");
    CHECK(event && WaitForSingleObject(event, 20) == WAIT_TIMEOUT);
    labour();
    return event;
}

static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    return thread;
}

// Handlers note where they ran.
static volatile sig_atomic_t handled, strange;
static volatile pid_t expected;

static void note(int number)
{
    (void)number;
    int before = errno;
    if ((pid_t)syscall(SYS_gettid) != expected)
        strange++;
    handled++;
    errno = before;
}

static void install(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(number, &action, NULL) == 0);
}

static void *send_all(void *event)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (int round = 0; round < 200; round++) {
        int before = handled;
        kill(getpid(), asynchronous[round % kinds]);
        while (handled == before)
            sched_yield();
    }
    CHECK(SetEvent(event));
    return NULL;
}

// Signals to the process, while the only thread that takes any waits in the library.
static void scene_handlers(void)
{
    HANDLE event = work();
    expected = (pid_t)syscall(SYS_gettid);
    for (int i = 0; i < kinds; i++)
        install(asynchronous[i], note, SA_RESTART);
    pthread_t sender = start(send_all, event);
    CHECK(WaitForSingleObject(event, INFINITE) == WAIT_OBJECT_0);
    pthread_join(sender, NULL);
    CHECK(handled == 200 && strange == 0);
}

// Signals that every thread of the program blocks, to take them by sigwait.
static void scene_sigwait(void)
{
    sigset_t all, mask;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    work();
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int round = 0; round < 10 * kinds; round++) {
        int number = asynchronous[round % kinds];
        struct timespec patience = {.tv_sec = 20};
        sigset_t one;
        CHECK(sigismember(&mask, number));
        sigemptyset(&one);
        sigaddset(&one, number);
        kill(getpid(), number);
        CHECK(sigtimedwait(&one, NULL, &patience) == number);
    }
}

// The masks of the library's threads, as the kernel tells them. Only what libc uses among threads is open.
static void scene_masks(void)
{
    work();
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks);
    int others = 0;
    for (struct dirent *e; (e = readdir(tasks));) {
        char path[300], line[200];
        unsigned long long blocked = 0;
        if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
        FILE *status = fopen(path, "r");
        CHECK(status);
        while (fgets(line, sizeof line, status))
            sscanf(line, "SigBlk: %llx", &blocked);
        fclose(status);
        for (int number = 1; number <= 64; number++) {
            bool open = number == SIGKILL || number == SIGSTOP || number == 32 || number == 33 || number == 34;
            if (!open && !(blocked >> (number - 1) & 1)) {
                fprintf(stderr, "thread %s does not block signal %d\n", e->d_name, number);
                exit(1);
            }
        }
        others++;
    }
    closedir(tasks);
    CHECK(others > 0);
}

// Dispositions, mask and alternate stack are what they were.
static void scene_unchanged(void)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction now;
        if (sigaction(number, NULL, &now) == 0)
            CHECK(now.sa_handler == SIG_DFL);
    }
    sigset_t some, mask;
    stack_t stack;
    sigemptyset(&some);
    sigaddset(&some, SIGPROF);
    sigaddset(&some, SIGSEGV);
    sigaddset(&some, SIGUSR1);
    sigprocmask(SIG_SETMASK, &some, NULL);
    work();
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < 32; number++)
        CHECK(sigismember(&mask, number) == sigismember(&some, number));
    CHECK(sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE));
    for (int number = 1; number < NSIG; number++) {
        struct sigaction now;
        if (sigaction(number, NULL, &now) == 0)
            CHECK(now.sa_handler == SIG_DFL && (now.sa_flags & ~0x04000000) == 0); // which is libc's own
    }
}

static void *own_stack(void *before)
{
    stack_t mine = {.ss_sp = malloc(65536), .ss_size = 65536}, now;
    if (before)
        CHECK(sigaltstack(&mine, NULL) == 0);
    work();
    if (!before)
        CHECK(sigaltstack(&mine, NULL) == 0);
    work();
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == mine.ss_sp && now.ss_size == mine.ss_size);
    return NULL;
}

// A thread's own alternate stack stays its own, whenever it was made.
static void scene_altstack(void)
{
    pthread_join(start(own_stack, (void *)1), NULL);
    pthread_join(start(own_stack, NULL), NULL);
}

// Crashes.
static volatile int zero, seven = 7;
static volatile int *volatile nowhere;

static void crash(const char *how)
{
    if (!strcmp(how, "segv"))
        *nowhere = 1;
    if (!strcmp(how, "fpe"))
        seven /= zero;
    if (!strcmp(how, "abrt"))
        abort();
    if (!strcmp(how, "ill"))
        __builtin_trap();
    if (!strcmp(how, "bus"))
        kill(getpid(), SIGBUS);
    if (!strcmp(how, "term"))
        raise(SIGTERM);
    if (!strcmp(how, "pipe")) {
        int ends[2];
        CHECK(pipe(ends) == 0);
        close(ends[0]);
        CHECK(write(ends[1], "x", 1) == 1);
    }
    pause();
}

static void *crash_in_thread(void *how)
{
    work();
    crash(how);
    return NULL;
}

static void *crash_unknown(void *how)
{
    crash(how);
    return NULL;
}

// Faults that the program handles.
static sigjmp_buf back;

static void recover(int number) { siglongjmp(back, number); }

static void scene_recover(void)
{
    work();
    for (int round = 0; round < 20; round++) {
        install(SIGSEGV, recover, round % 2 ? SA_ONSTACK : 0);
        int number = sigsetjmp(back, 1);
        if (number == 0)
            *nowhere = 1;
        CHECK(number == SIGSEGV);
        labour();
    }
}

static void scene_ignored_pipe(void)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    work();
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE);
}

// Handlers that need a stack, and have none of their own, wherever they strike.
static void greedy(int number)
{
    volatile char room[128 << 10];
    for (size_t i = 0; i < sizeof room; i += 512)
        room[i] = (char)number;
    note(number);
}

static void *hammer(void *unused)
{
    (void)unused;
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL), mutex = CreateMutexA(NULL, FALSE, NULL);
    CHECK(event && mutex);
    for (int round = 0; round < 300 || handled < 300; round++) {
        CHECK(SetEvent(event) && WaitForSingleObject(event, 0) == WAIT_OBJECT_0 && ResetEvent(event));
        CHECK(WaitForSingleObject(event, 1) == WAIT_TIMEOUT);
        CHECK(WaitForSingleObject(mutex, 0) == WAIT_OBJECT_0 && ReleaseMutex(mutex));
        if (round % 10 == 0)
            labour();
    }
    return NULL;
}

static void scene_greedy(void)
{
    struct itimerval often = {.it_interval.tv_usec = 300, .it_value.tv_usec = 300}, never = {.it_value.tv_sec = 0};
    expected = (pid_t)syscall(SYS_gettid);
    install(SIGALRM, greedy, SA_RESTART);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    hammer(NULL);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0 && strange == 0);
}

// A profile: the signal goes to whichever thread runs, and only the program's may be asked.
static void scene_profile(void)
{
    struct itimerval often = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000}, never = {.it_value.tv_sec = 0};
    expected = (pid_t)syscall(SYS_gettid);
    install(SIGPROF, note, SA_RESTART);
    CHECK(setitimer(ITIMER_PROF, &often, NULL) == 0);
    while (handled < 50)
        labour();
    CHECK(setitimer(ITIMER_PROF, &never, NULL) == 0 && strange == 0);
}

// The library's runtime interrupts nobody. It would, to collect what many calls at once leave behind.
static void *labour_long(void *unused)
{
    (void)unused;
    for (int round = 0; round < 3000; round++)
        labour();
    return NULL;
}

static void scene_urgent(void)
{
    pthread_t workers[3];
    install(SIGURG, note, SA_RESTART);
    for (int i = 0; i < 3; i++)
        workers[i] = start(labour_long, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(workers[i], NULL);
    CHECK(handled == 0);
}

// libc makes all threads change their user, by a signal of its own.
static void scene_setuid(void)
{
    work();
    CHECK(setresuid(getuid(), geteuid(), (uid_t)-1) == 0);
    CHECK(setresgid(getgid(), getegid(), (gid_t)-1) == 0);
}

// The owner of a mutex is a thread.
static void *take(void *mutex)
{
    CHECK(WaitForSingleObject(mutex, INFINITE) == WAIT_OBJECT_0);
    return NULL;
}

static void *try(void *mutex)
{
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_TIMEOUT);
    CHECK(!ReleaseMutex(mutex) && GetLastError() == ERROR_NOT_OWNER);
    return NULL;
}

static void scene_owner(void)
{
    HANDLE mutex = CreateMutexA(NULL, TRUE, "Local\\guest-mutex");
    HANDLE other = OpenMutexA(SYNCHRONIZE, FALSE, "Local\\guest-mutex");
    CHECK(mutex && other);
    CHECK(WaitForSingleObject(other, 0) == WAIT_OBJECT_0); // the same thread, by another handle
    pthread_join(start(try, mutex), NULL);
    CHECK(ReleaseMutex(mutex) && ReleaseMutex(other));
    CHECK(!ReleaseMutex(mutex) && GetLastError() == ERROR_NOT_OWNER);
    for (int round = 0; round < 20; round++) {
        pthread_join(start(take, mutex), NULL);
        CHECK(WaitForSingleObject(other, 0) == WAIT_ABANDONED && ReleaseMutex(other));
    }
}

// The last error is a thread's own.
static void *fail(void *unused)
{
    (void)unused;
    CHECK(GetLastError() == 0);
    CHECK(!OpenEventA(SYNCHRONIZE, FALSE, "Local\\guest-none") && GetLastError() == ERROR_FILE_NOT_FOUND);
    return NULL;
}

static void scene_last_error(void)
{
    SetLastError(77);
    pthread_join(start(fail, NULL), NULL);
    CHECK(GetLastError() == 77);
}

// Children.
static HANDLE held_event, held_mutex, held_section;
static void *held_view;

static void *wait_long(void *event) { return WaitForSingleObject(event, INFINITE) == WAIT_OBJECT_0 ? NULL : event; }

static void hold(void)
{
    held_event = CreateEventA(NULL, TRUE, FALSE, "Local\\guest-held-event");
    held_mutex = CreateMutexA(NULL, TRUE, "Local\\guest-held-mutex");
    held_section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "Local\\guest-held-section");
    held_view = MapViewOfFile(held_section, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(held_event && held_mutex && held_section && held_view);
}

#define REFUSED(call) \
    do { \
        SetLastError(77); \
        CHECK(call); \
        CHECK(GetLastError() == ERROR_INVALID_HANDLE); \
    } while (0)

// What a forked child gets of every call that needs the library's other threads.
static void all_refused(void)
{
    HANDLE out, both[] = {held_event, held_mutex};
    MEMORY_BASIC_INFORMATION told;
    LARGE_INTEGER size;
    DWORD flags;
    REFUSED(!CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 1, NULL));
    REFUSED(!CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 1, NULL));
    REFUSED(!OpenFileMappingA(FILE_MAP_READ, FALSE, "Local\\guest-held-section"));
    REFUSED(!OpenFileMappingW(FILE_MAP_READ, FALSE, NULL));
    REFUSED(!MapViewOfFile(held_section, FILE_MAP_READ, 0, 0, 0));
    REFUSED(!MapViewOfFileEx(held_section, FILE_MAP_READ, 0, 0, 0, NULL));
    REFUSED(!UnmapViewOfFile(held_view));
    REFUSED(!FlushViewOfFile(held_view, 0));
    REFUSED(!VirtualQuery(held_view, &told, sizeof told));
    REFUSED(!VirtualProtect(held_view, 1, PAGE_READONLY, &flags));
    REFUSED(!VirtualAlloc(held_view, 1, MEM_COMMIT, PAGE_READWRITE));
    REFUSED(!VirtualFree(held_view, 0, MEM_RELEASE));
    REFUSED(!CloseHandle(held_event));
    REFUSED(!DuplicateHandle(GetCurrentProcess(), held_event, GetCurrentProcess(), &out, 0, FALSE, DUPLICATE_SAME_ACCESS));
    REFUSED(!CompareObjectHandles(held_event, held_event));
    REFUSED(!GetHandleInformation(held_event, &flags));
    REFUSED(!SetHandleInformation(held_event, HANDLE_FLAG_INHERIT, 0));
    REFUSED(CreateFileA("/dev/null", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
    REFUSED(CreateFileW(NULL, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
    REFUSED(!GetFileSizeEx(held_section, &size));
    REFUSED(GetFileType(held_section) == FILE_TYPE_UNKNOWN);
    REFUSED(!CreateEventA(NULL, TRUE, FALSE, NULL));
    REFUSED(!CreateEventW(NULL, TRUE, FALSE, NULL));
    REFUSED(!CreateEventExA(NULL, NULL, 0, EVENT_ALL_ACCESS));
    REFUSED(!CreateEventExW(NULL, NULL, 0, EVENT_ALL_ACCESS));
    REFUSED(!OpenEventA(SYNCHRONIZE, FALSE, "Local\\guest-held-event"));
    REFUSED(!OpenEventW(SYNCHRONIZE, FALSE, NULL));
    REFUSED(!SetEvent(held_event));
    REFUSED(!ResetEvent(held_event));
    REFUSED(!PulseEvent(held_event));
    REFUSED(!CreateMutexA(NULL, FALSE, NULL));
    REFUSED(!CreateMutexW(NULL, FALSE, NULL));
    REFUSED(!CreateMutexExA(NULL, NULL, 0, MUTEX_ALL_ACCESS));
    REFUSED(!CreateMutexExW(NULL, NULL, 0, MUTEX_ALL_ACCESS));
    REFUSED(!OpenMutexA(SYNCHRONIZE, FALSE, "Local\\guest-held-mutex"));
    REFUSED(!OpenMutexW(SYNCHRONIZE, FALSE, NULL));
    REFUSED(!ReleaseMutex(held_mutex));
    REFUSED(!CreateSemaphoreA(NULL, 1, 1, NULL));
    REFUSED(!CreateSemaphoreW(NULL, 1, 1, NULL));
    REFUSED(!CreateSemaphoreExA(NULL, 1, 1, NULL, 0, SEMAPHORE_ALL_ACCESS));
    REFUSED(!CreateSemaphoreExW(NULL, 1, 1, NULL, 0, SEMAPHORE_ALL_ACCESS));
    REFUSED(!OpenSemaphoreA(SYNCHRONIZE, FALSE, "x"));
    REFUSED(!OpenSemaphoreW(SYNCHRONIZE, FALSE, NULL));
    REFUSED(!ReleaseSemaphore(held_event, 1, NULL));
    REFUSED(WaitForSingleObject(held_event, INFINITE) == WAIT_FAILED);
    REFUSED(WaitForMultipleObjects(2, both, FALSE, INFINITE) == WAIT_FAILED);
    REFUSED(SignalObjectAndWait(held_event, held_mutex, INFINITE, FALSE) == WAIT_FAILED);
    *(volatile char *)held_view = 42; // the view is memory, and a child has it too
}

static void must_end_well(pid_t child)
{
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void still_works(void)
{
    CHECK(*(volatile char *)held_view == 42);
    CHECK(SetEvent(held_event) && WaitForSingleObject(held_event, 0) == WAIT_OBJECT_0);
    CHECK(ReleaseMutex(held_mutex) && !ReleaseMutex(held_mutex));
    CloseHandle(work());
}

static void scene_fork(void)
{
    hold();
    pthread_t waiter = start(wait_long, held_event);
    pid_t child = fork();
    if (child == 0) {
        all_refused();
        exit(0); // with all that is done at an exit
    }
    must_end_well(child);
    still_works();
    void *result;
    pthread_join(waiter, &result);
    CHECK(!result);
}

// A child made without libc's knowledge.
static void scene_clone(void)
{
    hold();
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
    if (child == 0) {
        all_refused();
        _exit(0);
    }
    must_end_well(child);
    still_works();
}

static void *labour_until(void *unused)
{
    (void)unused;
    while (handled < 300)
        labour();
    return NULL;
}

static void *fork_and_end(void *child)
{
    HANDLE mutex = CreateMutexA(NULL, TRUE, NULL);
    CHECK(mutex);
    *(pid_t *)child = fork();
    if (*(pid_t *)child == 0) {
        alarm(60); // a child that stands still is none that ends well
        all_refused();
    }
    return NULL; // in the child this ends the last thread, and all that is done at the end of one is done
}

// Children of threads, whose only threads come to their ends, while the library is busy: what its runtime's threads were
// about at the moment of the fork is never ended in the child.
static void scene_thread_of_child(void)
{
    pid_t child;
    hold();
    pthread_t worker = start(labour_until, NULL);
    for (int round = 0; round < 200; round++) {
        pthread_join(start(fork_and_end, &child), NULL);
        must_end_well(child);
    }
    handled = 300;
    pthread_join(worker, NULL);
    still_works();
}

// Children that become other programs, while the library is busy.
static void *spawn(void *unused)
{
    (void)unused;
    for (int round = 0; round < 30; round++) {
        pid_t child = fork();
        if (child == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        must_end_well(child);
    }
    handled = 300;
    return NULL;
}

static void scene_exec(void)
{
    pthread_t spawner = start(spawn, NULL), workers[2] = {start(hammer, NULL), start(hammer, NULL)};
    pthread_join(spawner, NULL);
    pthread_join(workers[0], NULL);
    pthread_join(workers[1], NULL);
}

// A child that does not become another program keeps its parent's objects: whoever reads the pipe knows how long it
// lives.
static void scene_orphan(void)
{
    hold();
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    printf("%d\n", child);
    fflush(stdout);
}

// The message box makes a process, of which the program hears nothing.
static void scene_box(void)
{
    expected = getpid();
    install(SIGCHLD, note, SA_RESTART);
    CHECK(MessageBoxA(NULL, "text", "title", MB_OK) == IDOK);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    signal(SIGCHLD, SIG_IGN); // nobody waits for any child
    CHECK(MessageBoxA(NULL, "text", "title", MB_OK) == IDOK && handled == 0);
}

// The end of the program ends the threads that wait.
static void scene_exit(void)
{
    hold();
    start(wait_long, held_event);
    start(wait_long, held_event);
    work();
}

// Whoever started the tests may ignore signals, as nohup does, and what is ignored is inherited: begin anew without.
static void begin_with_defaults(char **arguments)
{
    if (getenv("GUEST_BEGAN"))
        return;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    CHECK(setenv("GUEST_BEGAN", "1", 1) == 0);
    execv("/proc/self/exe", arguments);
    CHECK(!"the program could not be started anew");
}

int main(int count, char **arguments)
{
    begin_with_defaults(arguments);
    static const struct {
        const char *name;
        void (*play)(void);
    } scenes[] = {
        {"handlers", scene_handlers}, {"sigwait", scene_sigwait},   {"masks", scene_masks},
        {"unchanged", scene_unchanged}, {"altstack", scene_altstack}, {"recover", scene_recover},
        {"ignored-pipe", scene_ignored_pipe}, {"greedy", scene_greedy}, {"profile", scene_profile},
        {"urgent", scene_urgent},     {"setuid", scene_setuid},     {"owner", scene_owner},       {"last-error", scene_last_error},
        {"fork", scene_fork},         {"clone", scene_clone},       {"thread-of-child", scene_thread_of_child},
        {"exec", scene_exec},         {"orphan", scene_orphan},     {"box", scene_box},
        {"exit", scene_exit},
    };
    CHECK(count >= 2);
    if (count == 3) {
        if (!strcmp(arguments[1], "crash")) {
            CloseHandle(work());
            crash(arguments[2]);
        }
        pthread_join(start(strcmp(arguments[1], "crash-thread") ? crash_unknown : crash_in_thread, arguments[2]), NULL);
    }
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        if (!strcmp(scenes[i].name, arguments[1])) {
            scenes[i].play();
            return 0;
        }
    }
    if (count == 2)
        for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
            puts(scenes[i].name);
    return strcmp(arguments[1], "list") != 0;
}
