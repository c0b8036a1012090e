// ZeroMQ: a pair of sockets over ipc, at the address NAME, with at most 16 MiB under way on each side.
#include "stream.h"
#include <zmq.h>

static void *end;

static void prepare(const char *name)
{
	(void)name;
	sizes();
}

static void enter(int side, const char *name)
{
	char address[200];
	int most = size > 16 << 10 ? (16 << 20) / size : 1000;
	snprintf(address, sizeof address, "ipc://%s", name);
	end = zmq_socket(zmq_ctx_new(), ZMQ_PAIR);
	check(end != NULL, "zmq_socket");
	check(zmq_setsockopt(end, ZMQ_SNDHWM, &most, sizeof most) == 0, "ZMQ_SNDHWM");
	check(zmq_setsockopt(end, ZMQ_RCVHWM, &most, sizeof most) == 0, "ZMQ_RCVHWM");
	check((side == RECEIVER ? zmq_bind(end, address) : zmq_connect(end, address)) == 0, address);
}

static void send_all(long count)
{
	for (long i = 0; i < count; i++) {
		if (size <= 64)
			make(made, i);
		check(zmq_send(end, made, size, 0) == (int)size, "zmq_send");
	}
}

static void receive_all(long count)
{
	while (count-- > 0) {
		check(zmq_recv(end, received, size, 0) == (int)size, "zmq_recv");
		if (size <= 64)
			use(received);
	}
}
