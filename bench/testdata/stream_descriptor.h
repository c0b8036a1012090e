// What the streams have in common that go through descriptors. Each message is a write; a read takes what is there, up to
// 64 KiB or a message. What is larger than 64 bytes is not copied any further.
#include "stream.h"

static int in, out;
static size_t room;

static void send_all(long count)
{
	for (long i = 0; i < count; i++) {
		if (size <= 64)
			make(made, i);
		for (size_t done = 0; done < size;) {
			ssize_t n = write(out, made + done, size - done);
			check(n > 0, "write");
			done += n;
		}
	}
}

static void receive_all(long count)
{
	static char *buffer;
	if (!buffer) {
		room = size > 1 << 16 ? size : 1 << 16;
		buffer = (char *)malloc(room);
		check(buffer != NULL, "malloc");
	}
	for (size_t left = count * size, over = 0; left > 0;) {
		ssize_t n = read(in, buffer + over, left < room - over ? left : room - over);
		check(n > 0, "read");
		left -= n;
		over += n;
		size_t at = 0;
		for (; size <= 64 && over - at >= size; at += size)
			use(buffer + at);
		over = size <= 64 ? over - at : 0;
		memmove(buffer, buffer + at, over);
	}
}
