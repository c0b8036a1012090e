// The frame of every peer: two processes, each pinned to a core, pass a token there and back.
//
//	peer CORE CORE NAME
//
// It reads numbers of round trips from its input, one a line, and does that many, in stretches of STRETCH. For each line
// it prints how many nanoseconds all took together, and how many the median stretch: that one no burst of other work can
// spoil. NAME is free for the peer to call its things by. Between two lines both processes sleep, whatever the peer does
// otherwise, so that many peers can take turns. It ends with its input.

#ifndef PINGPONG_H
#define PINGPONG_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PING, PONG };

enum { STRETCH = 20 };

// What a peer defines.
static void prepare(const char *name);         // once, before there are two processes
static void enter(int side, const char *name); // in each of the two
static void ping(void);                        // sends the token and waits until it is back
static void pong(void);                        // waits for the token and sends it back

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

static void answer(int control)
{
	int n;
	while (read(control, &n, sizeof n) == sizeof n)
		while (n-- > 0)
			pong();
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

// measure does some stretches and prints what they took.
static void measure(int stretches)
{
	long long *took = (long long *)calloc(stretches, sizeof *took), start = now(), last = start;
	check(took != NULL, "calloc");
	for (int i = 0; i < stretches; i++) {
		for (int trip = 0; trip < STRETCH; trip++)
			ping();
		long long time = now();
		took[i] = time - last;
		last = time;
	}
	qsort(took, stretches, sizeof *took, compare);
	printf("%lld %lld\n", last - start, took[stretches / 2]);
	fflush(stdout);
	free(took);
}

static void ask(int control)
{
	char line[32];
	while (fgets(line, sizeof line, stdin)) {
		int stretches = atoi(line) / STRETCH, warm = stretches + 1, all = warm + stretches * STRETCH;
		check(stretches > 0, "too few round trips");
		check(write(control, &all, sizeof all) == sizeof all, "write");
		for (int i = 0; i < warm; i++)
			ping();
		measure(stretches);
	}
}

int main(int count, char **argument)
{
	int control[2];
	check(count == 4, "usage: peer CORE CORE NAME");
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
		enter(PONG, argument[3]);
		answer(control[0]);
		return 0;
	}
	close(control[0]);
	pin(argument[1]);
	enter(PING, argument[3]);
	ask(control[1]);
	close(control[1]);
	waitpid(child, NULL, 0);
	return 0;
}

#endif
