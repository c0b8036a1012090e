// A program that loads the library when signals are already in use, and unloads it: unloaded LIBRARY

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s is not so\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
}

int main(int count, char **arguments)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART}, now;
    sigset_t some, mask;
    CHECK(count == 2);
    sigaddset(&action.sa_mask, SIGUSR2);
    for (int number = 1; number < 32; number++)
        if (number != SIGKILL && number != SIGSTOP)
            CHECK(sigaction(number, &action, NULL) == 0);
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigaddset(&some, SIGCHLD);
    sigprocmask(SIG_SETMASK, &some, NULL);
    for (int round = 0; round < 3; round++) {
        void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(library);
        void *(*create)(void *, int, int, const char *) = (void *(*)(void *, int, int, const char *))dlsym(library, "CreateEventA");
        int (*shut)(void *) = (int (*)(void *))dlsym(library, "CloseHandle");
        CHECK(create && shut && shut(create(NULL, 1, 0, "Local\\unloaded")));
        for (int number = 1; number < 32; number++) {
            if (number == SIGKILL || number == SIGSTOP)
                continue;
            CHECK(sigaction(number, NULL, &now) == 0 && now.sa_sigaction == handler);
            CHECK((now.sa_flags & ~0x04000000) == (SA_SIGINFO | SA_RESTART) && sigismember(&now.sa_mask, SIGUSR2));
        }
        sigprocmask(SIG_SETMASK, NULL, &mask);
        for (int number = 1; number < 32; number++)
            CHECK(sigismember(&mask, number) == sigismember(&some, number));
        CHECK(dlclose(library) == 0);
    }
    return 0;
}
