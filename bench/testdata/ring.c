// Two of the rings of ring.h: a message of 64 bytes there and back.
#include "pingpong.h"
#include "ring.h"

enum { WORDS = 8 };

static struct sender there_sender, back_sender;
static struct receiver there_receiver, back_receiver;
static volatile uint64_t sum;

static void prepare(const char *name)
{
	(void)name;
	make_ring(WORDS * 8, &there_sender, &there_receiver);
	make_ring(WORDS * 8, &back_sender, &back_receiver);
}

static void enter(int side, const char *name)
{
	(void)side, (void)name;
}

static void send_message(struct sender *s)
{
	uint64_t *place = (uint64_t *)claim(s, WORDS * 8);
	for (int i = 0; i < WORDS; i++)
		place[i] = s->next + i;
	commit(s);
}

static void receive_message(struct receiver *r)
{
	uint64_t bytes, all = 0, *place = (uint64_t *)next_message(r, &bytes);
	for (int i = 0; i < WORDS; i++)
		all += place[i];
	sum = all;
	done(r, bytes);
}

static void ping(void)
{
	send_message(&there_sender);
	receive_message(&back_receiver);
}

static void pong(void)
{
	receive_message(&there_receiver);
	send_message(&back_sender);
}
