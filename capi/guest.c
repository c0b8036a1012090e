/* What keeps the program's signals, crashes and children its own. */

#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "_cgo_export.h"

/* The last error of a thread. */
static __thread DWORD last_error;

DWORD WINAPI GetLastError(void) { return last_error; }

VOID WINAPI SetLastError(DWORD code) { last_error = code; }

BOOL conclude(DWORD code)
{
    if (code == ERROR_SUCCESS)
        return TRUE;
    last_error = code;
    return FALSE;
}

/* Signals. Go's runtime starts in a constructor of its own, between the two below. Its first thread inherits the
 * signal mask of that moment, and every later one gets the same: with all signals blocked, none of them takes a
 * signal that was sent to the process. It also installs handlers there, for SIGSEGV, SIGBUS, SIGFPE, SIGPIPE and
 * SIGURG; with those, a crash of the program would end with Go's own report and status 2, and a write to a closed
 * pipe would go through Go. So the program's dispositions are put back. Go needs none of them here: no fault in this
 * library's Go code is one that is caught, and it is linked not to interrupt its own threads by SIGURG.
 *
 * The first constructor has the lowest priority number that is not reserved, and so comes first; the second has none,
 * and comes after Go's, which has none either and is linked before it. In the archive capi/install gives all of them
 * lower numbers, so that a program's constructors come after these. */

static bool started; /* Go's runtime has been */
static sigset_t mask_before;
static struct sigaction dispositions_before[NSIG];

__attribute__((constructor(101))) static void before_go(void)
{
    sigset_t all;
    for (int number = 1; number < NSIG; number++)
        sigaction(number, NULL, &dispositions_before[number]);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask_before);
}

__attribute__((constructor)) static void after_go(void)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction now;
        if (sigaction(number, NULL, &now) == 0 && (now.sa_handler != dispositions_before[number].sa_handler ||
                                                   now.sa_flags != dispositions_before[number].sa_flags))
            sigaction(number, &dispositions_before[number], NULL);
    }
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    started = true;
}

/* An earlier call would wait forever: for a runtime that can start only after that call returns. */
static void must_have_started(void)
{
    static const char sentence[] = "namedshm: a call was made before the library's constructors have run\n";
    if (started)
        return;
    if (write(STDERR_FILENO, sentence, sizeof sentence - 1) < 0)
        _exit(127);
    abort();
}

/* Children. The mark is in a page that the kernel wipes in a forked child, however it was forked; where the kernel
 * cannot (before Linux 4.14), it is the process's number. */

static volatile pid_t *mark;
static bool wiped;

__attribute__((constructor(102))) static void set_mark(void)
{
    static pid_t plain;
    long size = sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mark = &plain;
    if (page != MAP_FAILED && madvise(page, size, MADV_WIPEONFORK) == 0) {
        mark = page;
        wiped = true;
    }
    *mark = getpid();
}

static bool forked(void) { return wiped ? *mark == 0 : *mark != getpid(); }

const volatile int32_t *process_mark(void) { return mark; }

/* Threads. */

static __thread bool known, may_own;
static pthread_key_t end_of_thread;
static pthread_once_t end_of_thread_once = PTHREAD_ONCE_INIT;
static bool has_key;

/* leave is called when a thread that owned mutexes ends. */
static void leave(void *unused)
{
    (void)unused;
    if (!forked())
        goEndThread();
}

/* make_key may fail, when the program has used up all keys: then the end of a thread is found out a moment later. */
static void make_key(void) { has_key = pthread_key_create(&end_of_thread, leave) == 0; }

void owning(void)
{
    if (may_own)
        return;
    pthread_once(&end_of_thread_once, make_key);
    if (has_key)
        pthread_setspecific(end_of_thread, &may_own);
    may_own = true;
}

/* What Go's runtime calls when a thread that it has met ends, from the destructor of a key of its own. In a forked
 * child there is nothing to report: the runtime's other threads do not exist, and if one of them was looking at this
 * thread's stack at the moment of the fork, the call would wait for it forever. So the call goes through here. The
 * variable is runtime/cgo's, set when the runtime has started; it is weak since cgo also links this file without that
 * package, to look at its symbols. */
typedef void end_of_go_thread(void (*function)(void *), void *argument, int size, size_t context);

extern end_of_go_thread *x_crosscall2_ptr __attribute__((weak));
static end_of_go_thread *tell_go;

static void tell_go_unless_forked(void (*function)(void *), void *argument, int size, size_t context)
{
    if (!forked())
        tell_go(function, argument, size, context);
}

static void intercept(void)
{
    if (&x_crosscall2_ptr == NULL || x_crosscall2_ptr == NULL)
        return;
    tell_go = x_crosscall2_ptr;
    x_crosscall2_ptr = tell_go_unless_forked;
}

/* meet has Go make the thread's acquaintance. Go then changes the thread's signal mask and its alternate signal stack,
 * and leaves them so. */
static void meet(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sigset_t all, mask;
    stack_t stack;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    sigaltstack(NULL, &stack);
    goMeet();
    pthread_once(&once, intercept);
    if (stack.ss_flags & SS_DISABLE)
        stack.ss_size = MINSIGSTKSZ; /* which is looked at nevertheless */
    sigaltstack(&stack, NULL);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    known = true;
}

bool enter(void)
{
    if (!known)
        must_have_started();
    if (forked()) {
        last_error = ERROR_INVALID_HANDLE;
        return false;
    }
    if (!known)
        meet();
    return true;
}

HANDLE WINAPI GetCurrentProcess(void) { return INVALID_HANDLE_VALUE; }

DWORD WINAPI GetCurrentProcessId(void) { return (DWORD)getpid(); }

DWORD WINAPI GetCurrentThreadId(void) { return (DWORD)syscall(SYS_gettid); }
