// Boost.Interprocess's message_queue, as large as the rings are. It copies on both sides.
#include "stream.h"
#include <boost/interprocess/ipc/message_queue.hpp>

using namespace boost::interprocess;

static message_queue *queue;

static void prepare(const char *name)
{
	sizes();
	const char *last = strrchr(name, '/');
	name = last ? last + 1 : name;
	size_t most = (1 << 20) / size;
	queue = new message_queue(create_only, name, most < 4 ? 4 : most, size);
	message_queue::remove(name); // both processes have it
}

static void enter(int, const char *)
{
}

static void send_all(long count)
{
	for (long i = 0; i < count; i++) {
		if (size <= 64)
			make(made, i);
		queue->send(made, size, 0);
	}
}

static void receive_all(long count)
{
	message_queue::size_type bytes;
	unsigned priority;
	while (count-- > 0) {
		queue->receive(received, size, bytes, priority);
		if (size <= 64)
			use(received);
	}
}
