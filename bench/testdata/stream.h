// The frame of every peer that sends one way: the second process sends messages, the first receives them.
//
//	peer CORE CORE NAME SIZE BATCH
//
// It reads numbers of messages from its input, one a line. Of each it prints how many nanoseconds they took at the
// receiver, and ten times how many the median tenth of them took. A quarter more are sent before them and after them, so
// that both sides are at work all the time. A message is SIZE bytes, which the sender makes and the receiver uses: up to
// 64 it writes and adds up numbers, more than that it copies.

#ifndef STREAM_H
#define STREAM_H

#include "sides.h"
#include <stdint.h>

enum { RECEIVER = FIRST, SENDER = SECOND };

enum { TENTHS = 10 };

// What a peer defines, beside what sides.h asks for.
static void send_all(long count); // and commits the last
static void receive_all(long count);

static size_t size; // of a message
static long batch;  // messages in a commit, where the peer has such a thing
static char *made, *received;
static volatile uint64_t sum;

static void sizes(void)
{
	check(more[0] && more[1], "usage: peer CORE CORE NAME SIZE BATCH");
	size = atol(more[0]);
	batch = atol(more[1]);
	made = (char *)aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
	received = (char *)aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
	check(made && received, "aligned_alloc");
	memset(made, 1, size);
	memset(received, 1, size);
}

// make writes a message to its place, and use looks at one there.
static inline void make(void *place, long number)
{
	if (size > 64) {
		memcpy(place, made, size);
		return;
	}
	for (size_t i = 0; i < size / 8; i++)
		((uint64_t *)place)[i] = number + i;
}

static inline void use(const void *place)
{
	if (size > 64) {
		memcpy(received, place, size);
		return;
	}
	uint64_t all = 0;
	for (size_t i = 0; i < size / 8; i++)
		all += ((const uint64_t *)place)[i];
	sum = all;
}

static void answer(int control)
{
	long n;
	while (read(control, &n, sizeof n) == sizeof n)
		send_all(n + 2 * (n / 4 + 1));
}

static void ask(int control)
{
	char line[32];
	while (fgets(line, sizeof line, stdin)) {
		long n = atol(line);
		check(n >= TENTHS, "too few messages");
		check(write(control, &n, sizeof n) == sizeof n, "write");
		receive_all(n / 4 + 1);
		long long took[TENTHS], start = now(), last = start;
		for (int i = 0; i < TENTHS; i++) {
			receive_all(i ? n / TENTHS : n - n / TENTHS * (TENTHS - 1));
			long long time = now();
			took[i] = time - last;
			last = time;
		}
		receive_all(n / 4 + 1);
		qsort(took, TENTHS, sizeof *took, compare);
		printf("%lld %lld\n", last - start, took[TENTHS / 2] * TENTHS);
		fflush(stdout);
	}
}

#endif
