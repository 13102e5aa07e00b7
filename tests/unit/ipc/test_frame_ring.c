/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring between the reader of a file and the workers, or of workers that read in turn: all ends
 * in one process, each with its own view. */
#include "common/ipc/frame_ring.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST, SECOND, WORKERS };

#define ALL UINT32_MAX /* workers */

static int memory_fd, reader_fd, worker_fds[WORKERS];
static struct frame_ring reader, worker;
static struct frame_ring in_turn[WORKERS];

static void view(struct frame_ring *r, enum frame_ring_role role)
{
    assert_int_equal(frame_ring_open(r, memory_fd, WORKERS, role), 0);
    r->reader_fd = reader_fd;
    memcpy(r->worker_fds, worker_fds, sizeof worker_fds);
}

static int begin(void **state)
{
    (void)state;
    memory_fd = heritage_shm("test-frames", frame_ring_bytes(WORKERS));
    reader_fd = eventfd(0, EFD_NONBLOCK);
    for (int i = 0; i < WORKERS; i++)
        worker_fds[i] = eventfd(0, EFD_NONBLOCK);
    view(&reader, FRAME_RING_READER);
    view(&worker, FRAME_RING_WORKER);
    for (int i = 0; i < WORKERS; i++)
        view(&in_turn[i], FRAME_RING_IN_TURN);
    return 0;
}

static int end(void **state)
{
    (void)state;
    frame_ring_close(&reader);
    frame_ring_close(&worker);
    for (int i = 0; i < WORKERS; i++)
        frame_ring_close(&in_turn[i]);
    close(memory_fd);
    close(reader_fd);
    for (int i = 0; i < WORKERS; i++)
        close(worker_fds[i]);
    return 0;
}

static bool is_awake(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

/* One frame into the block that is filled, for one worker or all. */
static void add(struct frame_ring *r, uint64_t ts_ns, uint32_t owner)
{
    struct frame_ring_frame e = {.ts_ns = ts_ns, .offset = 5, .caplen = 3, .wirelen = 9};

    memcpy(frame_ring_take(r) + 5, "abc", 3);
    if (owner == ALL)
        frame_ring_add_to_all(r, &e);
    else
        frame_ring_add(r, &e, owner);
}

/* A block with one frame, for one worker or all. False: there is none to be had. */
static bool publish(uint64_t ts_ns, uint32_t owner)
{
    if (!frame_ring_take(&reader))
        return false;
    add(&reader, ts_ns, owner);
    frame_ring_publish(&reader);
    return true;
}

static void take_by(struct frame_ring *r, uint32_t w, uint32_t frames, uint64_t last_ns)
{
    struct frame_ring_list list;

    assert_int_equal(frame_ring_next(r, w, &list), 1);
    assert_int_equal(list.n, frames);
    assert_int_equal(list.last_ns, last_ns);
    frame_ring_give_back(r, w);
}

static void take(uint32_t w, uint32_t frames, uint64_t last_ns)
{
    take_by(&worker, w, frames, last_ns);
}

static void frames_reach_their_worker(void **state)
{
    struct frame_ring_frame e;
    struct frame_ring_list list;
    const uint8_t *data;

    (void)state;
    assert_true(publish(7, FIRST));
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), 1);
    assert_int_equal(list.n, 1);
    assert_true(frame_ring_frame(&worker, &list, 0, &e, &data));
    assert_int_equal(e.ts_ns, 7);
    assert_int_equal(e.wirelen, 9);
    assert_memory_equal(data, "abc", e.caplen);
    frame_ring_give_back(&worker, FIRST);
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), 0);
    take(SECOND, 0, 7); /* it has none, and hears how late it is */
    assert_true(publish(8, ALL));
    take(FIRST, 1, 8);
    take(SECOND, 1, 8);
}

static void a_slow_worker_is_waited_for(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < FRAME_RING_BLOCKS; i++)
        assert_true(publish(i, ALL));
    assert_false(publish(99, FIRST));
    for (uint64_t i = 0; i < FRAME_RING_BLOCKS; i++)
        take(FIRST, 1, i);
    frame_ring_woken(reader_fd); /* the first one has done its part */
    assert_false(publish(99, FIRST));
    for (uint64_t i = 0; i < FRAME_RING_BLOCKS / 2; i++) {
        assert_false(is_awake(reader_fd));
        take(SECOND, 1, i);
    }
    assert_true(is_awake(reader_fd));
    assert_true(publish(99, FIRST));
}

static void a_dead_worker_is_not(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < FRAME_RING_BLOCKS; i++)
        assert_true(publish(i, ALL));
    for (uint64_t i = 0; i < FRAME_RING_BLOCKS; i++)
        take(FIRST, 1, i);
    frame_ring_woken(reader_fd);
    assert_false(publish(99, FIRST));
    frame_ring_leave(&reader, SECOND);
    assert_true(is_awake(reader_fd));
    assert_int_equal(frame_ring_present(&reader), 1);
    for (uint64_t i = 0; i < 3 * FRAME_RING_BLOCKS; i++) {
        assert_true(publish(i, ALL));
        take(FIRST, 1, i);
    }
}

static void a_waiting_worker_is_woken(void **state)
{
    struct frame_ring_list list;

    (void)state;
    assert_true(publish(1, FIRST));
    assert_false(is_awake(worker_fds[FIRST])); /* it was not asleep */
    take(FIRST, 1, 1);
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), 0);
    for (uint64_t i = 0; i < FRAME_RING_WAKE_BLOCKS; i++) {
        assert_false(is_awake(worker_fds[FIRST]));
        assert_true(publish(i, FIRST));
    }
    assert_true(is_awake(worker_fds[FIRST]));
    frame_ring_woken(worker_fds[FIRST]);
    assert_true(publish(99, FIRST));
    assert_false(is_awake(worker_fds[FIRST]));
    take(FIRST, 1, 0);
}

static void a_reader_that_rests_leaves_nobody_asleep(void **state)
{
    struct frame_ring_list list;

    (void)state;
    frame_ring_rest(&reader);
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), 0);
    frame_ring_rest(&reader);
    assert_false(is_awake(worker_fds[FIRST])); /* there is nothing for it */
    assert_true(publish(1, FIRST));
    assert_false(is_awake(worker_fds[FIRST]));
    frame_ring_rest(&reader);
    assert_true(is_awake(worker_fds[FIRST]));
    assert_false(is_awake(worker_fds[SECOND])); /* it does not sleep */
}

static void the_end_comes_after_all_frames(void **state)
{
    struct frame_ring_list list;

    (void)state;
    assert_true(publish(1, FIRST));
    frame_ring_end(&reader);
    assert_true(is_awake(worker_fds[FIRST]) && is_awake(worker_fds[SECOND]));
    take(FIRST, 1, 1);
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), -ENODATA);
    take(SECOND, 0, 1);
    assert_int_equal(frame_ring_next(&worker, SECOND, &list), -ENODATA);
}

static void a_block_without_frames_stays(void **state)
{
    struct frame_ring_list list;
    uint8_t *data = frame_ring_take(&reader);

    (void)state;
    assert_non_null(data);
    frame_ring_publish(&reader);
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), 0);
    assert_ptr_equal(frame_ring_take(&reader), data);
}

/* A frame as a reader that went wrong may write it: into `first`, the first word of its entry,
 * where it lies, and its length in front of it, as the ring does. */
static bool is_taken(const struct frame_ring_list *list, uint32_t offset, uint32_t caplen)
{
    uint32_t *first = (void *)(reader.blocks + ((const uint8_t *)list->entries - worker.blocks));
    struct frame_ring_frame f;
    const uint8_t *at;
    uint8_t *data;

    *first = 0;
    (void)frame_ring_frame(&worker, list, 0, &f, &at);
    data = reader.blocks + (at - worker.blocks);
    *first = offset;
    memcpy(data + offset % FRAME_RING_DATA_BYTES - sizeof caplen, &caplen, sizeof caplen);
    return frame_ring_frame(&worker, list, 0, &f, &at);
}

/* The head of a block is its first bytes behind the control words. */
static void what_cannot_be_is_refused(void **state)
{
    struct frame_ring_list list;
    uint32_t *n;

    (void)state;
    assert_true(publish(7, FIRST));
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), 1);
    assert_true(is_taken(&list, FRAME_RING_DATA_BYTES - 3, 3));
    assert_false(is_taken(&list, FRAME_RING_DATA_BYTES - 3, 4));
    assert_false(is_taken(&list, FRAME_RING_DATA_BYTES - 1, 3));
    assert_true(is_taken(&list, 1, FRAME_RING_DATA_BYTES - 1));
    assert_false(is_taken(&list, 2, FRAME_RING_DATA_BYTES - 1));
    assert_false(is_taken(&list, UINT32_MAX, 3));

    n = (void *)reader.blocks;
    while (*n != 1) /* frames of the first worker */
        n++;
    *n = FRAME_RING_FRAMES_MAX;
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), 1);
    ++*n;
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), -EPROTO);
    *n = 1;
    memset(reader.control, 0xff, sizeof(uint32_t)); /* blocks published */
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), -EPROTO);
}

static void memory_that_is_too_small(void **state)
{
    int fd = heritage_shm("test-frames", frame_ring_bytes(WORKERS) - 1);
    struct frame_ring r;

    (void)state;
    assert_int_equal(frame_ring_open(&r, fd, WORKERS, FRAME_RING_READER), -EINVAL);
    close(fd);
}

/* Worker w has its turn: it goes on at `from`, adds a frame of this time for `owner`, if it is a
 * worker or all, and leaves off at `to`. */
#define NOBODY (UINT32_MAX - 1)

static void turn(uint32_t w, uint64_t from, uint64_t to, uint64_t ts_ns, uint32_t owner, bool last)
{
    struct frame_ring_place place = {77, 77};

    assert_true(frame_ring_turn(&in_turn[w], w, &place));
    assert_int_equal(place.offset, from);
    assert_int_equal(place.frames, from / 10);
    if (owner != NOBODY)
        add(&in_turn[w], ts_ns, owner);
    place = (struct frame_ring_place){to, to / 10};
    frame_ring_turn_end(&in_turn[w], &place, last);
}

static bool gets_turn(uint32_t w)
{
    struct frame_ring_place place;

    return frame_ring_turn(&in_turn[w], w, &place);
}

/* Worker w has nothing, and says so before it goes to sleep. */
static void sleeps(uint32_t w)
{
    struct frame_ring_list list;

    assert_int_equal(frame_ring_next(&worker, w, &list), 0);
}

static void turns_go_on_from_one_another(void **state)
{
    struct frame_ring_place place = {100, 10};

    (void)state;
    assert_true(gets_turn(FIRST));
    assert_false(gets_turn(SECOND));
    add(&in_turn[FIRST], 7, SECOND);
    assert_int_equal(frame_ring_ahead(&worker, SECOND), 0);
    frame_ring_turn_end(&in_turn[FIRST], &place, false);
    assert_int_equal(frame_ring_ahead(&worker, SECOND), 1);
    turn(SECOND, 100, 250, 8, ALL, false);
    turn(SECOND, 250, 990, 9, FIRST, false); /* twice in a row */
    turn(FIRST, 990, 1000, 10, FIRST, false);
    take(FIRST, 0, 7);
    take(FIRST, 1, 8);
    take(FIRST, 1, 9);
    take(FIRST, 1, 10);
    take(SECOND, 1, 7);
    take(SECOND, 1, 8);
    assert_int_equal(frame_ring_ahead(&worker, SECOND), 2);
}

static void the_first_turn_is_at_the_start(void **state)
{
    (void)state;
    turn(SECOND, 0, 100, 7, FIRST, false);
}

/* Fills a block, and all give it back. Where in the ring its data lies. */
static size_t fill_by(uint32_t w, uint64_t ts_ns)
{
    struct frame_ring_place place = {ts_ns, ts_ns};
    size_t at;

    assert_true(gets_turn(w));
    at = (size_t)(frame_ring_take(&in_turn[w]) - in_turn[w].blocks);
    add(&in_turn[w], ts_ns, ALL);
    frame_ring_turn_end(&in_turn[w], &place, false);
    take(FIRST, 1, ts_ns);
    take(SECOND, 1, ts_ns);
    return at;
}

/* What it wrote last is in its own core's cache. */
static void each_fills_memory_that_it_filled_before(void **state)
{
    size_t first = fill_by(FIRST, 1), second = fill_by(SECOND, 2);

    (void)state;
    for (uint64_t i = 3; i < 100; i += 2) {
        assert_int_equal(fill_by(FIRST, i), first);
        assert_int_equal(fill_by(SECOND, i + 1), second);
    }
}

/* As where a filter has let nothing pass: the others hear how far it is, and how late it was. */
static void a_turn_without_frames_is_passed_on(void **state)
{
    (void)state;
    turn(FIRST, 0, 100, 0, NOBODY, false);
    turn(FIRST, 100, 200, 7, SECOND, false);
    turn(FIRST, 200, 300, 0, NOBODY, false);
    turn(SECOND, 300, 400, 0, NOBODY, false);
    take(SECOND, 0, 0);
    take(SECOND, 1, 7);
    take(SECOND, 0, 7);
    take(SECOND, 0, 7);
    turn(SECOND, 400, 500, 0, NOBODY, false);
    take(SECOND, 0, 7);
}

static void many_turns_round_the_ring(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5 * FRAME_RING_BLOCKS_IN_TURN; i++) {
        turn(i % 3 % WORKERS, i * 100, (i + 1) * 100, i, ALL, false);
        take(FIRST, 1, i);
        take(SECOND, 1, i);
    }
}

static void the_last_turn_is_the_last(void **state)
{
    struct frame_ring_list list;

    (void)state;
    sleeps(SECOND);
    turn(FIRST, 0, 100, 7, FIRST, false);
    turn(FIRST, 100, 200, 8, SECOND, true);
    assert_true(is_awake(worker_fds[SECOND]));
    assert_false(gets_turn(FIRST) || gets_turn(SECOND));
    take(SECOND, 0, 7);
    take(SECOND, 1, 8);
    assert_int_equal(frame_ring_next(&worker, SECOND, &list), -ENODATA);
    take(FIRST, 1, 7);
    assert_false(gets_turn(SECOND));
    take(FIRST, 0, 8);
    assert_int_equal(frame_ring_next(&worker, FIRST, &list), -ENODATA);
    assert_false(gets_turn(FIRST) || gets_turn(SECOND));
}

/* Without a free block there is no turn. Whoever sleeps then is woken when there are some, by the
 * one that was waited for. */
static void a_slow_worker_holds_up_the_turn(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < FRAME_RING_BLOCKS_IN_TURN; i++) {
        turn(FIRST, i * 100, (i + 1) * 100, i, ALL, false);
        take(FIRST, 1, i);
    }
    sleeps(FIRST);
    assert_false(gets_turn(FIRST));
    for (uint64_t i = 0; i < FRAME_RING_BLOCKS_IN_TURN / 2; i++) {
        assert_false(is_awake(worker_fds[FIRST]));
        take_by(&in_turn[SECOND], SECOND, 1, i);
    }
    assert_true(is_awake(worker_fds[FIRST]));
    assert_false(is_awake(worker_fds[SECOND]));
    turn(FIRST, FRAME_RING_BLOCKS_IN_TURN * 100, 9999, 99, ALL, false);
}

/* Of the block that is being filled the other workers can write every byte. */
static void who_fills_believes_nobody(void **state)
{
    struct frame_ring_place place = {100, 10};

    (void)state;
    assert_true(gets_turn(FIRST));
    add(&in_turn[FIRST], 7, SECOND);
    memset(in_turn[FIRST].filling, 0xff, 256);
    add(&in_turn[FIRST], 7, SECOND);
    assert_int_equal(frame_ring_filled(&in_turn[FIRST]), 2);
    frame_ring_turn_end(&in_turn[FIRST], &place, false);
    take(SECOND, 2, 7);
}

/* What a dead worker had read of its block is read again. */
static void a_worker_dies_in_its_turn(void **state)
{
    (void)state;
    turn(SECOND, 0, 100, 7, ALL, false);
    assert_true(gets_turn(SECOND));
    add(&in_turn[SECOND], 8, FIRST);
    add(&in_turn[SECOND], 9, ALL);
    take(FIRST, 1, 7);
    sleeps(FIRST);
    assert_false(gets_turn(FIRST));
    assert_false(is_awake(worker_fds[FIRST]));
    frame_ring_leave(&reader, SECOND);
    assert_true(is_awake(worker_fds[FIRST]));
    assert_false(is_awake(worker_fds[SECOND]));
    turn(FIRST, 100, 200, 8, FIRST, false);
    take(FIRST, 1, 8);
    for (uint64_t i = 2; i < 3 * FRAME_RING_BLOCKS_IN_TURN; i++) {
        turn(FIRST, i * 100, (i + 1) * 100, i, ALL, false);
        take(FIRST, 1, i);
    }
}

static void a_worker_dies_and_another_one_has_the_turn(void **state)
{
    struct frame_ring_place place = {100, 10};

    (void)state;
    assert_true(gets_turn(FIRST));
    frame_ring_woken(worker_fds[FIRST]);
    frame_ring_leave(&reader, SECOND);
    assert_true(is_awake(worker_fds[FIRST])); /* the other may have been about to wake it */
    assert_false(gets_turn(SECOND));          /* as any other would */
    add(&in_turn[FIRST], 7, FIRST);
    frame_ring_turn_end(&in_turn[FIRST], &place, false);
    turn(FIRST, 100, 200, 8, FIRST, false);
}

static void who_waits_for_another_ones_turn_is_woken(void **state)
{
    struct frame_ring_place place = {100, 10};

    (void)state;
    assert_true(gets_turn(FIRST));
    sleeps(SECOND);
    assert_false(gets_turn(SECOND));
    add(&in_turn[FIRST], 7, FIRST);
    assert_false(is_awake(worker_fds[SECOND]));
    frame_ring_turn_end(&in_turn[FIRST], &place, false);
    assert_true(is_awake(worker_fds[SECOND]));
    assert_false(is_awake(worker_fds[FIRST])); /* it did not sleep */
    take(SECOND, 0, 7);
    turn(SECOND, 100, 200, 8, FIRST, false);
}

/* A block with its number in it. Where it lies, NULL if there is none to be had. */
static uint8_t *publish_number(uint64_t number)
{
    struct frame_ring_frame e = {.ts_ns = number, .caplen = sizeof number};
    uint8_t *data = frame_ring_take(&reader);

    if (!data)
        return NULL;
    memcpy(data, &number, sizeof number);
    frame_ring_add_to_all(&reader, &e);
    frame_ring_publish(&reader);
    return data;
}

static void take_number(uint32_t w, uint64_t number)
{
    struct frame_ring_frame e;
    struct frame_ring_list list;
    const uint8_t *data;

    assert_int_equal(frame_ring_next(&worker, w, &list), 1);
    assert_true(frame_ring_frame(&worker, &list, 0, &e, &data));
    assert_int_equal(e.ts_ns, number);
    assert_memory_equal(data, &number, sizeof number);
    frame_ring_give_back(&worker, w);
}

/* While all keep pace two of them are in use: the newest stays until the next one is there. */
static void memory_of_the_last_block_given_back_is_used_again(void **state)
{
    const uint8_t *at[2] = {publish_number(0), publish_number(1)};

    (void)state;
    assert_ptr_not_equal(at[0], at[1]);
    for (uint64_t i = 2; i < 200; i++) {
        take_number(FIRST, i - 2);
        take_number(SECOND, i - 2);
        assert_ptr_equal(publish_number(i), at[i % 2]);
    }
}

/* However far they are apart. */
static void a_block_stays_until_all_have_done_with_it(void **state)
{
    uint64_t published = 0, taken[WORKERS] = {0}, behind[WORKERS] = {0};
    uint32_t dice = 1;

    (void)state;
    while (published < 3000) {
        uint32_t w;

        dice = dice * 1664525 + 1013904223;
        w = dice >> 30;
        if (w >= WORKERS)
            published += publish_number(published) != NULL;
        else if (taken[w] < published)
            take_number(w, taken[w]++);
        for (w = 0; w < WORKERS; w++)
            if (published - taken[w] > behind[w])
                behind[w] = published - taken[w];
    }
    assert_int_equal(behind[FIRST], FRAME_RING_BLOCKS);
    assert_int_equal(behind[SECOND], FRAME_RING_BLOCKS);
}

#define IN_RING(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_RING(frames_reach_their_worker),
        IN_RING(a_slow_worker_is_waited_for),
        IN_RING(a_dead_worker_is_not),
        IN_RING(a_waiting_worker_is_woken),
        IN_RING(a_reader_that_rests_leaves_nobody_asleep),
        IN_RING(the_end_comes_after_all_frames),
        IN_RING(a_block_without_frames_stays),
        IN_RING(memory_of_the_last_block_given_back_is_used_again),
        IN_RING(a_block_stays_until_all_have_done_with_it),
        IN_RING(what_cannot_be_is_refused),
        IN_RING(the_first_turn_is_at_the_start),
        IN_RING(each_fills_memory_that_it_filled_before),
        IN_RING(turns_go_on_from_one_another),
        IN_RING(a_turn_without_frames_is_passed_on),
        IN_RING(many_turns_round_the_ring),
        IN_RING(the_last_turn_is_the_last),
        IN_RING(a_slow_worker_holds_up_the_turn),
        IN_RING(who_fills_believes_nobody),
        IN_RING(a_worker_dies_in_its_turn),
        IN_RING(a_worker_dies_and_another_one_has_the_turn),
        IN_RING(who_waits_for_another_ones_turn_is_woken),
        cmocka_unit_test(memory_that_is_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
