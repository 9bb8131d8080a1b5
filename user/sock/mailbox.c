/* SPDX-License-Identifier: Apache-2.0
 *
 * mailbox.c - owners of connections (leat/mailbox.h): an epoll set of their sockets, and a queue of those that have
 * something to say although their socket is silent (plaintext that was read with the last record, an option that
 * changed). Decision 0059.
 *
 * The epoll descriptor is what the application polls. Two more are in it: an eventfd that is readable while the
 * queue or the posts are not empty, and a timer for the handshake that began first; all have the same time. So have
 * sockets whose peer has an alert to read.
 *
 * Another thread may post, or give us a connection: `lock` guards the lists. What happens to a connection once
 * it is ours is this thread's alone.
 */
#include "sock/mail.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "sock/app.h"
#include "sock/conn.h"

#define BATCH 64 /* sockets that one look at epoll fetches */

struct post {
	struct ring ring;
	void *tag;
};

struct leat_mailbox {
	pthread_mutex_t lock;
	int epoll, wake, timer;
	bool awake;          /* wake is readable */
	bool posted;         /* the last event was a post */
	unsigned since_look; /* served since epoll was asked */
	struct ring all, queue, shaking, words, resting, posts;
};

/* ---- the lists; lock is held -------------------------------------------------------------------------- */

/* Keeps the eventfd readable as long as something waits that epoll does not know of. */
static void set_wake(struct leat_mailbox *b)
{
	bool want = ring_first(&b->queue) || ring_first(&b->posts);
	uint64_t v = 1;

	if (want == b->awake)
		return;
	b->awake = want;
	/* neither can fail: the counter is 0 or 1, and only written under the lock */
	if (want)
		(void)!write(b->wake, &v, sizeof(v));
	else
		(void)!read(b->wake, &v, sizeof(v));
}

static void enqueue(struct mail *m)
{
	if (!m->ready)
		ring_add(&m->owner->queue, &m->queue);
	m->ready = true;
}

static void dequeue(struct mail *m)
{
	if (m->ready)
		ring_remove(&m->queue);
	m->ready = false;
}

/* The first moment at which something is to be done; DEADLINE_NEVER. */
static int64_t first_deadline(const struct leat_mailbox *b)
{
	const struct mail *shaking = RING_OF(ring_first(&b->shaking), struct mail, shaking);
	const struct mail *words = RING_OF(ring_first(&b->words), struct mail, shaking);
	const struct mail *resting = RING_OF(ring_first(&b->resting), struct mail, resting);
	int64_t first = DEADLINE_NEVER;

	if (shaking)
		first = shaking->deadline;
	if (words && words->deadline < first)
		first = words->deadline;
	if (resting && resting->rest_at < first)
		first = resting->rest_at;
	return first;
}

static void set_timer(struct leat_mailbox *b)
{
	int64_t first = first_deadline(b), left;
	struct itimerspec t = { .it_interval = { 0, 0 } };

	if (first != DEADLINE_NEVER) {
		left = first - sys_real.now_ms();
		left = left > 0 ? left : 1;
		t.it_value.tv_sec = left / 1000;
		t.it_value.tv_nsec = left % 1000 * 1000000;
	}
	(void)timerfd_settime(b->timer, 0, &t, NULL);
}

static void end_shaking(struct mail *m)
{
	if (m->deadline == 0)
		return;
	ring_remove(&m->shaking);
	m->deadline = 0;
	set_timer(m->owner);
}

/* In the order of rest_at; most have the same hibernate_after, so the place is near the end. */
static void add_resting(struct mail *m, int64_t rest_at)
{
	struct ring *at = &m->owner->resting;

	m->rest_at = rest_at;
	for (;;) {
		const struct mail *before = at->prev == &m->owner->resting
						    ? NULL
						    : RING_OF(at->prev, struct mail, resting);

		if (!before || before->rest_at <= rest_at)
			break;
		at = at->prev;
	}
	ring_add(at, &m->resting);
}

static void end_resting(struct mail *m)
{
	if (m->rest_at)
		ring_remove(&m->resting);
	m->rest_at = 0;
}

/* Its owner has heard of it just now: the time begins anew. The timer is not set for each event but finds out. */
static void note_active(struct mail *m)
{
	uint32_t after_ms = m->conn && m->conn->up ? conn_hibernate_after(m->conn)
						   : HIBERNATE_NEVER;

	if (after_ms == HIBERNATE_NEVER || m->ended)
		return;
	m->active_at = sys_real.now_ms();
	if (m->rest_at)
		return;
	add_resting(m, m->active_at + after_ms);
	set_timer(m->owner);
}

/* Those that were idle for long enough hibernate; the others get another time. */
static void rest_late(struct leat_mailbox *b)
{
	int64_t now = sys_real.now_ms();
	struct mail *m;

	while ((m = RING_OF(ring_first(&b->resting), struct mail, resting)) && m->rest_at <= now) {
		int64_t rest_at = m->active_at + conn_hibernate_after(m->conn);

		end_resting(m);
		if (rest_at <= now)
			conn_hibernate(m->conn);
		else
			add_resting(m, rest_at);
	}
}

/* Those of a list, the first to begin first, whose time is over are served next, and find out. */
static void enqueue_late_of(struct ring *list)
{
	int64_t now = sys_real.now_ms();

	for (struct ring *r = list->next; r != list; r = r->next) {
		struct mail *m = RING_OF(r, struct mail, shaking);

		if (m->deadline > now)
			break;
		enqueue(m);
	}
}

static void enqueue_late(struct leat_mailbox *b)
{
	uint64_t ticks;

	(void)!read(b->timer, &ticks, sizeof(ticks));
	enqueue_late_of(&b->shaking);
	enqueue_late_of(&b->words);
	rest_late(b);
	set_timer(b);
}

/* ---- epoll ---------------------------------------------------------------------------------------------- */

/* A transport is told what is waited for; its descriptor only ever becomes readable. 0 or an errno value. */
static int watch_via(struct mail *m, uint32_t *wanted)
{
	int fd = m->via.ops->watch(
		m->via.it, (short)*wanted); /* EPOLLIN is POLLIN, EPOLLOUT POLLOUT */

	m->fd = fd >= 0 ? fd : m->fd;
	*wanted = *wanted ? EPOLLIN : 0;
	return fd < 0 ? -fd : 0;
}

/* Makes epoll watch for what m wants now. 0 or an errno value. */
static int watch(struct mail *m)
{
	uint32_t wanted = mail_interest(m);
	int sys = m->via.ops ? watch_via(m, &wanted) : 0;
	struct epoll_event e = { .events = wanted, .data.ptr = m };
	int op = !m->polled ? EPOLL_CTL_ADD : wanted ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (sys != 0 || wanted == m->polled)
		return sys;
	if (epoll_ctl(m->owner->epoll, op, m->fd, &e) != 0)
		return errno;
	m->polled = wanted;
	return 0;
}

static bool watch_own(struct leat_mailbox *b, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = fd == b->timer ? b : NULL };

	return fd >= 0 && epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* Queues it where it may have more to say, and makes epoll watch for the rest. */
static void update(struct mail *m, bool may_have_more)
{
	struct leat_mailbox *b = m->owner;

	(void)watch(m); /* it was in the set before, or has nothing to wait for */
	pthread_mutex_lock(&b->lock);
	if (m->deadline && !m->words && (m->conn->up || m->ended))
		end_shaking(m);
	if (may_have_more)
		note_active(m);
	if (may_have_more && mail_has_more(m))
		enqueue(m);
	set_wake(b);
	pthread_mutex_unlock(&b->lock);
}

void mail_changed(struct mail *m)
{
	update(m, true);
}

void mail_free(struct mail *m)
{
	struct leat_mailbox *b;

	if (!m)
		return;
	b = m->owner;
	if (m->polled)
		(void)epoll_ctl(b->epoll, EPOLL_CTL_DEL, m->fd, NULL);
	if (m->via.ops)
		(void)m->via.ops->watch(m->via.it, 0);
	pthread_mutex_lock(&b->lock);
	ring_remove(&m->all);
	dequeue(m);
	end_shaking(m);
	end_resting(m);
	set_wake(b);
	pthread_mutex_unlock(&b->lock);
	leat_free(m);
}

/* ---- last words -------------------------------------------------------------------------------------------- */

bool mail_last_words(struct leat_conn *c)
{
	struct mail *m = c->mail;
	int64_t wait_ms = (int64_t)app_number(APP_ALERT_TIMEOUT);

	if (!m || c->fd < 0 || c->err[LEAT_TX].cls != LEAT_E_OUR_ALERT || wait_ms == 0 ||
		handover_is_kernel(&c->ho, LEAT_RX))
		return false;
	c->sys->shutdown(c->fd, SHUT_WR);
	c->mail = NULL;
	pthread_mutex_lock(&m->owner->lock);
	end_shaking(m);
	end_resting(m);
	m->conn = NULL;
	m->words = true;
	m->words_left = LINGER_BYTES;
	m->deadline = sys_real.now_ms() + wait_ms;
	ring_add(&m->owner->words, &m->shaking);
	set_timer(m->owner);
	pthread_mutex_unlock(&m->owner->lock);
	update(m, false);
	return true;
}

static void end_words(struct mail *m)
{
	int fd = m->fd;

	mail_free(m);
	close(fd);
}

/* ---- who is owned ------------------------------------------------------------------------------------------ */

/* The lock is held throughout: afterwards the owner's thread may serve it, and we look at it no more. */
static enum leat_ret mail_new(struct mail **out, const struct mail *what, struct leat_err *err)
{
	struct leat_mailbox *b = what->owner;
	struct mail *m = leat_dup(what, sizeof(*what));
	bool is_new = what->deadline != 0;
	int sys;

	if (!m)
		return err_memory(err);
	*out = m;
	pthread_mutex_lock(&b->lock);
	sys = watch(m);
	if (sys == 0) {
		ring_add(&b->all, &m->all);
		if (is_new)
			ring_add(&b->shaking, &m->shaking);
		if (is_new || mail_has_more(m)) /* a handshake's first step may be ours */
			enqueue(m);
		if (is_new)
			set_timer(b);
		note_active(m);
		set_wake(b);
	}
	pthread_mutex_unlock(&b->lock);
	if (sys == 0)
		return LEAT_OK;
	*out = NULL;
	leat_free(m);
	return err_sys(err, sys, "mailbox: the socket cannot be watched");
}

enum leat_ret leat_conn_set_owner(
	struct leat_conn *c, struct leat_mailbox *m, void *tag, struct leat_err *err)
{
	struct mail what = { .owner = m, .conn = c, .tag = tag, .fd = c->fd, .wants = EPOLLIN };

	what.via = c->via;
	mail_free(c->mail);
	c->mail = NULL;
	if (!m)
		return LEAT_OK;
	if (!c->up) {
		c->begun = true;
		what.deadline = c->sys->now_ms() + LEAT_HANDSHAKE_WAIT_MS;
	}
	return mail_new(&c->mail, &what, err);
}

enum leat_ret leat_listener_set_owner(
	struct leat_listener *l, struct leat_mailbox *m, void *tag, struct leat_err *err)
{
	struct mail what = { .owner = m, .listener = l, .tag = tag };
	struct mail **own = listener_mail(l);

	what.fd = leat_listener_fd(l);
	what.via = listener_via(l);
	mail_free(*own);
	*own = NULL;
	return m ? mail_new(own, &what, err) : LEAT_OK;
}

void leat_conn_want_room(struct leat_conn *c)
{
	if (!c->mail)
		return;
	c->mail->room = true;
	mail_changed(c->mail);
}

/* ---- life --------------------------------------------------------------------------------------------------- */

enum leat_ret leat_mailbox_new(struct leat_mailbox **out, struct leat_err *err)
{
	struct leat_mailbox *b = leat_zalloc(sizeof(*b));
	int sys;

	*out = NULL;
	if (!b)
		return err_memory(err);
	pthread_mutex_init(&b->lock, NULL);
	ring_init(&b->all);
	ring_init(&b->queue);
	ring_init(&b->shaking);
	ring_init(&b->words);
	ring_init(&b->resting);
	ring_init(&b->posts);
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (b->epoll >= 0 && watch_own(b, b->wake) && watch_own(b, b->timer)) {
		*out = b;
		return LEAT_OK;
	}
	sys = errno;
	leat_mailbox_free(b);
	return err_sys(err, sys, "mailbox: no descriptors for it");
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void leat_mailbox_free(struct leat_mailbox *b)
{
	struct post *p;
	struct mail *m;

	if (!b)
		return;
	while ((m = RING_OF(ring_first(&b->all), struct mail, all)) != NULL)
		if (m->words)
			end_words(m);
		else if (m->listener)
			leat_listener_close(m->listener);
		else
			leat_close_timeout(m->conn, 0, NULL);
	while ((p = RING_OF(ring_first(&b->posts), struct post, ring)) != NULL) {
		ring_remove(&p->ring);
		leat_free(p);
	}
	close_if_open(b->epoll);
	close_if_open(b->wake);
	close_if_open(b->timer);
	pthread_mutex_destroy(&b->lock);
	leat_free(b);
}

int leat_mailbox_fd(const struct leat_mailbox *m)
{
	return m->epoll;
}

/* ---- events --------------------------------------------------------------------------------------------------- */

enum leat_ret leat_mailbox_post(struct leat_mailbox *m, void *tag, struct leat_err *err)
{
	struct post *p = leat_malloc(sizeof(*p));

	if (!p)
		return err_memory(err);
	p->tag = tag;
	pthread_mutex_lock(&m->lock);
	ring_add(&m->posts, &p->ring);
	set_wake(m);
	pthread_mutex_unlock(&m->lock);
	return LEAT_OK;
}

/* What waits here: an event that was posted, or who is to be served next. NULL and false: neither. */
static bool take_waiting(struct leat_mailbox *b, struct leat_event *ev, struct mail **out)
{
	struct post *p;

	pthread_mutex_lock(&b->lock);
	p = RING_OF(ring_first(&b->posts), struct post, ring);
	*out = RING_OF(ring_first(&b->queue), struct mail, queue);
	if (p && *out) { /* by turns */
		p = b->posted ? NULL : p;
		*out = p ? NULL : *out;
	}
	b->posted = p != NULL;
	if (p)
		ring_remove(&p->ring);
	else if (*out)
		dequeue(*out);
	set_wake(b);
	pthread_mutex_unlock(&b->lock);
	if (p)
		*ev = (struct leat_event){ .kind = LEAT_EVENT_POSTED, .tag = p->tag };
	leat_free(p);
	return p != NULL;
}

static int wait_ms(int64_t deadline)
{
	int64_t now = sys_real.now_ms();
	int64_t left = deadline > now ? deadline - now : 0;

	if (deadline == DEADLINE_NEVER)
		return -1;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Queues those whose sockets are ready. LEAT_AGAIN: none became ready in time. */
static enum leat_ret look(struct leat_mailbox *b, int64_t deadline, struct leat_err *err)
{
	struct epoll_event e[BATCH];
	int n = epoll_wait(b->epoll, e, BATCH, wait_ms(deadline));

	b->since_look = 0;
	if (n == 0)
		return LEAT_AGAIN;
	if (n < 0 && errno != EINTR)
		return err_sys(err, errno, "epoll_wait: failed");
	pthread_mutex_lock(&b->lock);
	for (int i = 0; i < n; i++)
		if (e[i].data.ptr == b)
			enqueue_late(b);
		else if (e[i].data.ptr)
			enqueue(e[i].data.ptr);
	set_wake(b);
	pthread_mutex_unlock(&b->lock);
	return LEAT_OK;
}

enum leat_ret leat_mailbox_next(
	struct leat_mailbox *m, struct leat_event *ev, int timeout_ms, struct leat_err *err)
{
	int64_t deadline = deadline_of(&sys_real, timeout_ms);
	struct mail *one;
	bool told;

	for (;;) {
		/* Those who always have more must not keep us from the others. */
		enum leat_ret r = m->since_look < BATCH ? LEAT_OK : look(m, INT64_MIN, err);

		*ev = (struct leat_event){ .kind = LEAT_EVENT_NONE };
		if (r == LEAT_FAILED)
			return r;
		if (take_waiting(m, ev, &one))
			return LEAT_OK;
		if (one && one->words) {
			m->since_look++;
			if (!mail_serve_words(one))
				end_words(one);
			continue;
		}
		if (one) {
			m->since_look++;
			told = mail_serve(one, ev);
			update(one, told); /* who had nothing has a part of a message at most */
			if (told)
				return LEAT_OK;
			continue;
		}
		r = look(m, deadline, err);
		if (r != LEAT_OK)
			return r;
	}
}
