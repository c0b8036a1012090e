// A program that uses the library before main: in the constructor of a global object, in one that asks to be early, and
// again in a destructor. Its signals are its own all the while.

#include <windows.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int blocked() // how many signals are
{
    sigset_t now;
    int count = 0;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    for (int number = 1; number < NSIG; number++)
        count += sigismember(&now, number) == 1;
    return count;
}

static struct Early {
    int blocked_before, blocked_after;
    HANDLE mutex;
    Early() : blocked_before(blocked()), mutex(CreateMutexA(NULL, TRUE, "Local\\early")) { blocked_after = blocked(); }
    ~Early()
    {
        ReleaseMutex(mutex);
        if (CloseHandle(mutex))
            puts("closed");
    }
} early;

static HANDLE earliest;
static int blocked_earliest;
__attribute__((constructor(101))) static void first()
{
    blocked_earliest = blocked();
    earliest = CreateEventA(NULL, TRUE, TRUE, NULL);
}

int main()
{
    printf("blocked %d %d %d %d\n", blocked_earliest, early.blocked_before, early.blocked_after, blocked());
    printf("mutex %d event %u\n", early.mutex != NULL, WaitForSingleObject(earliest, 0));
    return 0;
}
