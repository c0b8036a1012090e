// The frame of every peer: two processes, each pinned to a core, pass a token there and back.
//
//	peer CORE CORE NAME
//
// It reads numbers of round trips from its input, one a line, and does that many, in stretches of STRETCH. For each line
// it prints how many nanoseconds all took together, and how many the median stretch: that one no burst of other work can
// spoil. NAME is free for the peer to call its things by. Between two lines both processes sleep, whatever the peer does
// otherwise, so that many peers can take turns. It ends with its input.
//
// After "N each" it looks at the clock after each of N round trips, and prints what the median one took, and the one that
// 99 of a hundred are quicker than.

#ifndef PINGPONG_H
#define PINGPONG_H

#include "sides.h"

enum { PING = FIRST, PONG = SECOND };

enum { STRETCH = 20 };

// What a peer defines, beside what sides.h asks for.
static void ping(void); // sends the token and waits until it is back
static void pong(void); // waits for the token and sends it back

static void answer(int control)
{
	int n;
	while (read(control, &n, sizeof n) == sizeof n)
		while (n-- > 0)
			pong();
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

// measure_each does some round trips and prints what the median one took and what the 99th percentile.
static void measure_each(int trips)
{
	long long *took = (long long *)calloc(trips, sizeof *took), last = now();
	check(took != NULL, "calloc");
	for (int i = 0; i < trips; i++) {
		ping();
		long long time = now();
		took[i] = time - last;
		last = time;
	}
	qsort(took, trips, sizeof *took, compare);
	printf("%lld %lld\n", took[trips / 2], took[trips * 99LL / 100]);
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
		if (strstr(line, "each"))
			measure_each(stretches * STRETCH);
		else
			measure(stretches);
	}
}

#endif
