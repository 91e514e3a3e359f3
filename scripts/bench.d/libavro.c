/* How fast libavro (Debian's libavro-dev) reads what `bench_decode avro` decodes: each value into
 * libavro's own tree of values, the same one again and again, which nobody looks at. Keys and
 * tombstones cost nothing here. Only a comparison for `scripts/bench decode --libavro`: nothing of
 * tidemark is made with it.
 *
 *   libavro RECORDS THOUSANDS      RECORDS: what `bench_decode avro 0 RECORDS` has written
 */
#include <avro.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
  char *bytes;
  uint32_t size;
} block;

/* A big-endian length of four bytes, and so many; 0 at the end of the file. */
static int read_block(FILE *file, block *out) {
  unsigned char length[4];
  if (fread(length, 1, 4, file) != 4) return 0;
  out->size = (uint32_t)length[0] << 24 | (uint32_t)length[1] << 16 | (uint32_t)length[2] << 8 | length[3];
  out->bytes = malloc(out->size + 1);
  return out->bytes != NULL && fread(out->bytes, 1, out->size, file) == out->size;
}

static void fail(const char *what) {
  fprintf(stderr, "libavro: %s: %s\n", what, avro_strerror());
  exit(1);
}

int main(int argc, char **argv) {
  static block records[65536];
  size_t count = 0;
  block text;
  FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  avro_schema_t schema;
  avro_value_t value;
  if (file == NULL || !read_block(file, &text)) fail("usage: libavro RECORDS THOUSANDS");
  while (count < 65536 && read_block(file, &records[count])) ++count;
  if (avro_schema_from_json_length(text.bytes, text.size, &schema)) fail("schema");
  avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
  if (avro_generic_value_new(iface, &value)) fail("value");
  avro_reader_t reader = avro_reader_memory("", 0);
  const size_t events = (size_t)(atof(argv[2]) * 1e3);
  const clock_t start = clock();
  for (size_t i = 0; i < events; ++i) {
    const block *record = &records[i % count];
    if (record->size == 0) continue; /* a tombstone */
    avro_reader_memory_set_source(reader, record->bytes + 5, record->size - 5);
    if (avro_value_reset(&value) || avro_value_read(reader, &value)) fail("record");
  }
  const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  printf("libavro: %zu events in %.2f CPU s: %.0f events/s\n", events, seconds, (double)events / seconds);
  return 0;
}
