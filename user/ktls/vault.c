/* SPDX-License-Identifier: Apache-2.0
 *
 * vault.c - see vault.h. All address space is reserved at the first call, without access; pages become usable one
 * by one, from the bottom, and stay so: what stands above the last of them is the guard.
 */
#include "ktls/vault.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/secret.h"

union cell {
	struct hs_slot slot;
	union cell *next; /* while it is free */
};

static struct {
	pthread_mutex_t lock;
	uint8_t *base; /* NULL: not reserved; the first page is a guard */
	size_t page, num_pages, num_usable;
	size_t num_taken;
	union cell *free;
} vault = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t cells_per_page(void)
{
	return vault.page / sizeof(union cell);
}

static bool reserve(void)
{
	void *p;

	if (vault.base)
		return true;
	vault.page = (size_t)sysconf(_SC_PAGESIZE);
	vault.num_pages = VAULT_SLOTS / cells_per_page() + 1;
	p = mmap(NULL, (vault.num_pages + 2) * vault.page, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	vault.base = p;
	return true;
}

/* One page more: its cells become free ones. */
static bool grow(void)
{
	uint8_t *p;

	if (!reserve() || vault.num_usable == vault.num_pages)
		return false;
	p = vault.base + (vault.num_usable + 1) * vault.page;
	/* Where it would land in a core file it is of no use; swap is the operator's decision (ulimit -l). */
	if (madvise(p, vault.page, MADV_DONTDUMP) != 0 ||
		mprotect(p, vault.page, PROT_READ | PROT_WRITE) != 0)
		return false;
	(void)mlock(p, vault.page);
	vault.num_usable++;
	for (size_t i = cells_per_page(); i > 0; i--) {
		union cell *c = (union cell *)(void *)p + (i - 1);

		c->next = vault.free;
		vault.free = c;
	}
	return true;
}

static void put(struct hs_slot *s)
{
	union cell *c = (union cell *)s;

	leat_wipe(c, sizeof(*c));
	pthread_mutex_lock(&vault.lock);
	c->next = vault.free;
	vault.free = c;
	vault.num_taken--;
	pthread_mutex_unlock(&vault.lock);
}

struct hs_slot *vault_take(void)
{
	union cell *c = NULL;

	pthread_mutex_lock(&vault.lock);
	if (vault.num_taken < VAULT_SLOTS && (vault.free || grow()))
		c = vault.free;
	if (c) {
		vault.free = c->next;
		vault.num_taken++;
	}
	pthread_mutex_unlock(&vault.lock);
	if (!c)
		return NULL;
	c->slot = (struct hs_slot){ .put = put };
	return &c->slot;
}

bool vault_has(const void *p)
{
	uintptr_t at = (uintptr_t)p, base = (uintptr_t)vault.base;

	return base && at >= base && at < base + (vault.num_pages + 2) * vault.page;
}

size_t vault_num_taken(void)
{
	size_t n;

	pthread_mutex_lock(&vault.lock);
	n = vault.num_taken;
	pthread_mutex_unlock(&vault.lock);
	return n;
}
