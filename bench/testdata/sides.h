// What all peers are: two processes, each pinned to a core, of which the first has the input and the output and tells
// the second by a pipe what to do.
//
//	peer CORE CORE NAME [MORE...]
//
// NAME is free for the peer to call its things by.

#ifndef SIDES_H
#define SIDES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIRST, SECOND };

static void prepare(const char *name);         // once, before there are two processes
static void enter(int side, const char *name); // in each of the two
static void ask(int control);                  // what the first does until its input ends
static void answer(int control);               // what the second does until nothing more comes

static char **more; // what follows NAME

// check ends the peer when something fails that must not.
static inline void check(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		_exit(1);
	}
}

// shared is memory that both processes have, all zero.
static inline void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(p != MAP_FAILED, "mmap");
	return p;
}

static void pin(const char *core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(atoi(core), &set);
	check(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

static inline long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;
	return (x > y) - (x < y);
}

int main(int count, char **argument)
{
	int control[2];
	check(count >= 4, "usage: peer CORE CORE NAME [MORE...]");
	more = argument + 4;
	prepare(argument[3]);
	check(pipe(control) == 0, "pipe");
	pid_t parent = getpid(), child = fork();
	check(child >= 0, "fork");
	if (child == 0) {
		// A side that spins would not notice that the other is gone.
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(control[1]);
		pin(argument[2]);
		enter(SECOND, argument[3]);
		answer(control[0]);
		return 0;
	}
	close(control[0]);
	pin(argument[1]);
	enter(FIRST, argument[3]);
	ask(control[1]);
	close(control[1]);
	waitpid(child, NULL, 0);
	return 0;
}

#endif
