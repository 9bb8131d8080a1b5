# SPDX-License-Identifier: Apache-2.0
# leat: one plain GNU make file for everything.
#
# Switches (give them on the command line: make CC=clang BUILD=build-clang)
#   V=1            show the commands instead of one short line each
#   BUILD=dir      where everything made goes                       (default build)
#   CC=clang       compiler; gcc 12 and clang 14 are both supported (default gcc)
#   SAN=list       compile with -fsanitize=list, abort at the first report (use with BUILD=)
#   OPT="-O0 -g3"  optimisation and debug flags                     (default -O2 -g)
#   WERROR=        empty: warnings do not stop the build            (default -Werror)
#   EXTRA_CFLAGS= EXTRA_LDFLAGS=   appended to ours
#   PREFIX=/usr/local DESTDIR= LIBDIR= INCLUDEDIR= BINDIR= MANDIR=   where `make install` puts things
#   K=expr         run only the tests whose name matches (pytest -k)
#   T=path         run only these test files or folders
#   L=step         run only these lint steps                        (tests/lint/run.py)
#   JOBS=n         test processes at a time                         (default: processors)
#   SETUP=no       do not look for missing packages
#   BPF=no         without steering by BPF; so it is too where clang, bpftool or libbpf-dev is missing
#
# Sources are found by wildcard, so a new file in a known folder needs no line here:
#   user/{base,wire,crypto,sched,x509,session,config,hs,rec,engine}/*.c  -> libleat-core.a (no I/O)
#   the same + user/{ktls,loop,sock}/*.c                                 -> libleat.a, libleat.so.0
#   user/{steer,tool}/*.c                                                -> leat
#   kernel-helpers/*.bpf.c                                               -> bpf/*.skel.h, inside leat
#   tests/{unit,flow,rec,regress,kernel}/t_*.c                           -> tests/<folder>/t_*
#   tests/fuzz/fz_*.c                                                    -> tests/fuzz/fz_*
#   bench/b_*.c                                                          -> bench/b_*
#   examples/*.c (with the public headers alone)                         -> examples/*

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BUILD   ?= build
V       ?= 0
OPT     ?= -O2 -g
WERROR  ?= -Werror
SAN     ?=
PREFIX  ?= /usr/local
DESTDIR ?=
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin AR),default)
AR := ar
endif
PKG_CONFIG ?= pkg-config
PYTHON     ?= /usr/bin/python3
JOBS       ?= $(shell nproc 2>/dev/null || echo 1)
PYTEST     := $(PYTHON) -m pytest

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
# make -s: silent altogether
say = @$(if $(findstring s,$(firstword -$(filter-out --%,$(MAKEFLAGS)))),:,printf '  %-7s %s\n' '$(1)' '$(2)')
endif

SOVERSION := 0
VERSION   := $(shell sed -n 's/^\#define LEAT_VERSION_STRING *"\(.*\)"/\1/p' include/leat/version.h)

# ---- BPF -------------------------------------------------------------------------------------

BPF_CLANG ?= clang
BPFTOOL   ?= $(or $(shell PATH="$$PATH:/usr/sbin" command -v bpftool 2>/dev/null),bpftool)
BPF_LIBS  := $(if $(filter no,$(BPF)),,$(shell $(BPFTOOL) version >/dev/null 2>&1 && \
	$(PKG_CONFIG) --exists libbpf && echo 'int x;' | \
	$(BPF_CLANG) -target bpf -x c -c - -o /dev/null 2>/dev/null && echo -lbpf))

# ---- what is compiled ------------------------------------------------------------------------

CORE_DIRS := base wire crypto sched x509 session config hs rec engine
EDGE_DIRS := ktls loop sock
TEST_DIRS := unit flow rec regress kernel

CORE_SRC := $(sort $(foreach d,$(CORE_DIRS),$(wildcard user/$(d)/*.c)))
EDGE_SRC := $(sort $(foreach d,$(EDGE_DIRS),$(wildcard user/$(d)/*.c)))
TOOL_SRC := $(sort $(wildcard user/tool/*.c))
# In the command only: a library that links libbpf would be everybody's burden (decision 0082).
STEER_SRC := $(if $(BPF_LIBS),$(filter-out %/steer_off.c,$(sort $(wildcard user/steer/*.c))),\
	user/steer/steer_off.c user/steer/reason.c user/steer/rule.c)
TLIB_SRC := $(sort $(wildcard tests/lib/*.c))
TEST_SRC := $(sort $(foreach d,$(TEST_DIRS),$(wildcard tests/$(d)/t_*.c)))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fz_*.c))
BENCH_SRC := $(sort $(wildcard bench/b_*.c))
BLIB_SRC := $(sort $(wildcard bench/lib/*.c))
EXAMPLE_SRC := $(sort $(wildcard examples/*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
CORE_OBJ := $(call obj,$(CORE_SRC))
EDGE_OBJ := $(call obj,$(EDGE_SRC))
TOOL_OBJ := $(call obj,$(TOOL_SRC))
STEER_OBJ := $(call obj,$(STEER_SRC))
TLIB_OBJ := $(call obj,$(TLIB_SRC))
TEST_OBJ := $(call obj,$(TEST_SRC))
FUZZ_OBJ := $(call obj,$(FUZZ_SRC))
BENCH_OBJ := $(call obj,$(BENCH_SRC))
BLIB_OBJ := $(call obj,$(BLIB_SRC))
EXAMPLE_OBJ := $(call obj,$(EXAMPLE_SRC))
REPLAY_OBJ := $(call obj,tests/fuzz/replay.c)

CORE_A  := $(BUILD)/libleat-core.a
LIB_A   := $(BUILD)/libleat.a
LIB_SO  := $(BUILD)/libleat.so.$(SOVERSION)
TOOL    := $(BUILD)/leat
TLIB_A  := $(BUILD)/libtest.a
CMDS_A  := $(BUILD)/libleat-cmds.a
TESTS   := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC))
FUZZ    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(FUZZ_SRC))
BENCH   := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(EXAMPLE_SRC))

# A folder that has no source yet is no error: what would come out of it is left out.
PRODUCTS := $(CORE_A) $(LIB_A)
ifneq ($(strip $(CORE_SRC) $(EDGE_SRC)),)
ifeq ($(SAN),)
PRODUCTS += $(LIB_SO) $(BUILD)/libleat.so
endif
endif
ifneq ($(strip $(TOOL_SRC)),)
PRODUCTS += $(TOOL)
endif

# ---- flags -----------------------------------------------------------------------------------

WARN := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wvla -Wformat=2 -Wundef -Wwrite-strings \
	-Wimplicit-fallthrough -Wdate-time

MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
MULTIARCH := $(shell gcc -print-multiarch 2>/dev/null || uname -m)
HARDEN  := -fstack-protector-strong -fstack-clash-protection
HARDEN_LD := -Wl,-z,relro,-z,now -Wl,-z,noexecstack
ifneq ($(filter x86_64% i%86%,$(MACHINE)),)
HARDEN  += -fcf-protection
endif
ifeq ($(SAN),)
HARDEN  += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
ifneq ($(findstring gcc,$(CC)),)
# Instrumented code hides value ranges from gcc, which then warns of what cannot happen.
SANFLAGS += -Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-truncation
endif
endif

ifneq ($(LIBFUZZER),)
SANFLAGS += -fsanitize=fuzzer-no-link
endif

# One set of objects serves the archive, the shared library and the tool, so all of it is PIC.
CPPFLAGS_ALL := -Iinclude -Iuser -D_GNU_SOURCE
CFLAGS_ALL   := -std=gnu11 $(OPT) -fPIC -fvisibility=hidden $(WARN) $(HARDEN) $(SANFLAGS) \
	$(EXTRA_CFLAGS)
LDFLAGS_ALL  := $(HARDEN_LD) $(SANFLAGS) $(EXTRA_LDFLAGS)

ZIP_LIBS  := -lz -lbrotlidec -lbrotlienc -lzstd
LIB_LIBS  := -luring -lcrypto $(ZIP_LIBS) -lpthread
TOOL_LIBS := -luring -lcrypto $(ZIP_LIBS) -ljansson -lnghttp2 $(BPF_LIBS) -lpthread
TEST_LIBS := -lcmocka -luring -lcrypto $(ZIP_LIBS) -ljansson -lnghttp2 $(BPF_LIBS) -lpthread

# Objects remember the flags they were made with; another compiler or switch rebuilds them.
FLAGS_NOW := $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL)
FLAGS_FILE := $(BUILD)/.flags

# ---- build -----------------------------------------------------------------------------------

.PHONY: all
all: $(PRODUCTS) ## build the libraries and the leat command (the default)

.PHONY: FORCE
FORCE:

$(FLAGS_FILE): FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS_NOW)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_NOW)' >$@

$(BUILD)/obj/tests/%.o: CPPFLAGS_ALL += -Itests/lib
$(BUILD)/obj/bench/%.o: CPPFLAGS_ALL += -Itests/lib
# As a stranger would compile them.
$(BUILD)/obj/examples/%.o: CPPFLAGS_ALL := -Iinclude -D_GNU_SOURCE

$(BUILD)/obj/%.o: %.c $(FLAGS_FILE)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# A BPF program becomes a header that holds its object and the functions to load it (a skeleton). `gen object`
# leaves the debugging text behind; __bpf__ and the machine's own headers are what <linux/types.h> needs.
$(BUILD)/bpf/%.bpf.o: kernel-helpers/%.bpf.c kernel-helpers/steer_abi.h
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) -target bpf -O2 -g -Wall -Wextra -Werror -idirafter /usr/include/$(MULTIARCH) \
		-c $< -o $@.full && $(BPFTOOL) gen object $@ $@.full

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(Q){ echo '/* NOLINTBEGIN: generated */' && $(BPFTOOL) gen skeleton $< name steer_$* && \
		echo '/* NOLINTEND */'; } >$@

$(BUILD)/obj/user/steer/%.o $(BUILD)/obj/tests/%.o: CPPFLAGS_ALL += -Ikernel-helpers -isystem $(BUILD)/bpf
$(filter-out %/steer_off.o,$(STEER_OBJ)): $(if $(BPF_LIBS),$(patsubst kernel-helpers/%.bpf.c,\
	$(BUILD)/bpf/%.skel.h,$(wildcard kernel-helpers/*.bpf.c)))

# The archive is made anew each time: `ar r` would keep the members of deleted files. The list of
# objects is part of the recipe's input through $(BUILD)/.*.list, so a removed source is noticed.
define archive_rule
$(1): $(2) $(BUILD)/.$(notdir $(1)).list
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $(2)
$(BUILD)/.$(notdir $(1)).list: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(2)' | cmp -s - $$@ || printf '%s\n' '$(2)' >$$@
endef
$(eval $(call archive_rule,$(CORE_A),$(CORE_OBJ)))
$(eval $(call archive_rule,$(LIB_A),$(CORE_OBJ) $(EDGE_OBJ)))
$(eval $(call archive_rule,$(TLIB_A),$(TLIB_OBJ)))
# The commands without main(): their pure parts (HTTP, option parsing) have unit tests of their own.
$(eval $(call archive_rule,$(CMDS_A),$(filter-out %/main.o,$(TOOL_OBJ)) $(STEER_OBJ)))

$(LIB_SO): $(CORE_OBJ) $(EDGE_OBJ) user/libleat.map $(BUILD)/.libleat.a.list
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(notdir $@) -Wl,--version-script=user/libleat.map \
		-Wl,--no-undefined $(LDFLAGS_ALL) -o $@ $(CORE_OBJ) $(EDGE_OBJ) $(LIB_LIBS)

$(BUILD)/libleat.so: $(LIB_SO)
	@ln -sf $(notdir $(LIB_SO)) $@

$(TOOL): $(TOOL_OBJ) $(STEER_OBJ) $(LIB_A) $(BUILD)/.libleat-cmds.a.list
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $(TOOL_OBJ) $(STEER_OBJ) $(LIB_A) $(TOOL_LIBS)

# A fuzz target is linked with our replay main, or with libFuzzer's.
ifeq ($(LIBFUZZER),)
FUZZ_MAIN := $(REPLAY_OBJ)
else
FUZZ_MAIN_FLAGS := -fsanitize=fuzzer
endif
# Crypto made transparent, here and nowhere else: the calls of these go to the target's own ones.
$(BUILD)/tests/fuzz/fz_hs_%: FUZZ_MAIN_FLAGS += \
	-Wl,--wrap=sign_check,--wrap=verify_chain,--wrap=leat_ct_equal,-u,__wrap_sign_check
$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_MAIN) $(TLIB_A) $(CMDS_A) $(LIB_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) $(FUZZ_MAIN_FLAGS) -o $@ $< $(FUZZ_MAIN) $(TLIB_A) $(CMDS_A) $(LIB_A) \
		$(TEST_LIBS)

# The keys and the ClientHello of RFC 8448's client, and its short RSA key.
$(BUILD)/tests/flow/t_rfc8448: TEST_FLAGS := -Wl,--wrap=kex_start,--wrap=enc_client_hello,--wrap=EVP_PKEY_get_bits
# The server's key and messages there, and the ticket of its client.
$(BUILD)/tests/flow/t_rfc8448_server: TEST_FLAGS := -Wl,--wrap=kex_respond,--wrap=enc_server_hello \
	-Wl,--wrap=enc_encrypted_ext,--wrap=enc_session_ticket,--wrap=ticket_open,--wrap=EVP_PKEY_get_bits \
	-Wl,--wrap=cookie_seal,--wrap=cookie_open
# Where secrets come from and where they become public: marked for valgrind by the test's own functions.
$(BUILD)/tests/unit/t_secret_flow: TEST_FLAGS := -Wl,--wrap=leat_ct_equal,--wrap=kex_finish \
	-Wl,--wrap=kex_respond,--wrap=sched13_early,--wrap=aead_init,--wrap=aead_open,--wrap=enc_finished \
	-Wl,--wrap=dh_finish,--wrap=dh_answer,--wrap=dh_premaster,--wrap=sched12_master \
	-Wl,--wrap=ticket_keys_sealing,--wrap=ticket_keys_find,--wrap=ticket_open,--wrap=cookie_seal
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(TLIB_A) $(CMDS_A) $(LIB_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) $(TEST_FLAGS) -o $@ $< $(TLIB_A) $(CMDS_A) $(LIB_A) $(TEST_LIBS)

# Only here, to be measured against: libssl and GnuTLS.
$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(BLIB_OBJ) $(TLIB_A) $(CMDS_A) $(LIB_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $< $(BLIB_OBJ) $(TLIB_A) $(CMDS_A) $(LIB_A) -lssl -lgnutls \
		$(TEST_LIBS)

$(BUILD)/examples/%: $(BUILD)/obj/examples/%.o $(LIB_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(LDFLAGS_ALL) -o $@ $< $(LIB_A) $(LIB_LIBS)

.SECONDARY:

.PHONY: examples
examples: $(EXAMPLES) ## build the programs of examples/

.PHONY: tests
tests: $(TESTS) $(FUZZ) $(EXAMPLES) ## build the C test programs and the fuzz targets' replay form

.PHONY: bench-programs
bench-programs: $(BENCH) ## build the measuring programs of bench/

.PHONY: bench
bench: setup bench-programs ## measure everything; tables, JSON and a plot go to bench/results/ (QUICK=1)
	$(Q)$(PYTHON) bench/run.py --build $(BUILD) $(if $(QUICK),--quick)

# ---- tests -----------------------------------------------------------------------------------

# The environment every test run sees; nothing of the caller's locale, proxies or key logs.
TESTENV := env -u SSLKEYLOGFILE -u http_proxy -u https_proxy -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
	LEAT_BUILD=$(abspath $(BUILD)) LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 MAKE=$(MAKE) \
	LEAT_MAKE_ARGS="BUILD='$(BUILD)' CC='$(CC)' OPT='$(OPT)' EXTRA_CFLAGS='$(EXTRA_CFLAGS)'" \
	ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:check_initialization_order=1 \
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
PYTEST_ARGS := $(if $(K),-k '$(K)') $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist loadgroup)
C_TEST_PATHS := $(addprefix tests/,$(filter-out kernel,$(TEST_DIRS)) fuzz)
ASAN_OPT := -O1 -g

.PHONY: setup
setup: ## install what building and testing needs (Debian/Ubuntu: apt; needs root or sudo)
ifneq ($(SETUP),no)
	@scripts/setup.sh all
endif

.PHONY: build-all
build-all: setup
	@$(MAKE) --no-print-directory all tests

.PHONY: build-asan
build-asan: setup
	@$(MAKE) --no-print-directory BUILD=build-asan SAN=address,undefined OPT='$(ASAN_OPT)' all tests

.PHONY: test
test: build-all build-asan ## everything: set-up, C tests (also with sanitizers), peers, kernel tests
	$(Q)LEAT_ASAN_BUILD=$(abspath build-asan) $(TESTENV) $(PYTEST) $(PYTEST_ARGS) $(or $(T),tests)

.PHONY: test-host
test-host: build-all ## everything that needs no kernel with kTLS
	$(Q)$(TESTENV) $(PYTEST) $(PYTEST_ARGS) --ignore=tests/kernel $(or $(T),tests)

.PHONY: test-peers
test-peers: build-all ## the table of peers with Node, Deno and Bun, which npm installs into build/peers
	$(Q)tests/interop/js/install.sh build/peers
	$(Q)LEAT_PEERS=node,deno,bun LEAT_PEERS_DIR=$(abspath build/peers) $(TESTENV) $(PYTEST) \
		$(PYTEST_ARGS) tests/interop/test_matrix.py

.PHONY: test-kernel
test-kernel: build-all ## kernel tests, on this kernel if it has kTLS, else on stock ones in tests/vm
	$(Q)$(TESTENV) $(PYTEST) $(PYTEST_ARGS) $(or $(T),tests/kernel)

.PHONY: check-units
check-units: all tests ## the C tests and fuzz corpora only (no set-up, no peers, no kernel tests)
	$(Q)$(TESTENV) $(PYTEST) $(PYTEST_ARGS) $(or $(T),$(wildcard $(C_TEST_PATHS)))

.PHONY: asan
asan: build-asan ## the C tests and fuzz corpora under address and undefined-behaviour sanitizers
	$(Q)$(TESTENV) LEAT_BUILD=$(abspath build-asan) $(PYTEST) $(PYTEST_ARGS) \
		$(or $(T),$(wildcard $(C_TEST_PATHS)))

.PHONY: fuzz
fuzz: setup ## run every fuzz target with libFuzzer (SECONDS=60 each, T=target for one)
	@$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang SAN=address,undefined LIBFUZZER=1 \
		OPT='$(ASAN_OPT)' fuzz-programs
	$(Q)$(PYTHON) tests/fuzz/run.py --build build-fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(T)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ)

.PHONY: lint
lint: setup ## all static checks: both compilers, layers, purity, layout, analysers (L="step ...")
	@$(TESTENV) $(PYTHON) tests/lint/run.py $(L)

.PHONY: trace
trace: ## which requirement rows have a test that proves them
	@$(PYTHON) tests/trace/trace.py

.PHONY: demo
demo: ## serve a 256 MiB file over TLS 1.3, fetch it with curl, show who carried the bytes
	@{ [ '$(SETUP)' = no ] || scripts/setup.sh demo; } && $(MAKE) --no-print-directory all || \
		{ echo 'demo: FAILED: set-up or build did not succeed (see above)'; exit 1; }
	@$(PYTHON) scripts/demo.py --build $(BUILD)

# ---- documents and installation --------------------------------------------------------------

.PHONY: docs
docs: $(BUILD)/tests/unit/t_option ## make the generated documents anew, check the manual pages
	$(Q)LEAT_UPDATE_DOCS=1 $(BUILD)/tests/unit/t_option >$(BUILD)/t_option.log 2>&1 || \
		{ cat $(BUILD)/t_option.log; exit 1; }
	$(Q)$(PYTHON) tests/lint/rfc.py >$(BUILD)/rfc.md && mv $(BUILD)/rfc.md docs/rfc.md
	$(Q)for m in $(MAN); do mandoc -T lint -W warning $$m || exit 1; done
	@echo 'start with docs/map.md; manual pages:' $(notdir $(MAN))

MAN := $(sort $(wildcard docs/man/*.[1357]))
HEADERS := $(sort $(wildcard include/leat/*.h))
# The functions that a page of section 3 has in its NAME, without the one that has the page's own name.
man_names = $(filter-out $(basename $(notdir $(1))),$(shell sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([a-z0-9_]*\).*/\1/p' $(1)))

# What is installed as an archive has its internal names made local, so that they cannot clash
# with a caller's: only what the shared library exports stays global.
# (From the objects, not from the archive: two folders may hold files of the same name.)
$(BUILD)/install/libleat.a: $(CORE_OBJ) $(EDGE_OBJ) $(LIB_A)
$(BUILD)/install/libleat-core.a: $(CORE_OBJ) $(CORE_A)
$(BUILD)/install/%.a: Makefile
	$(call say,LOCAL,$@)
	@mkdir -p $(@D)
	$(Q)ld -r -o $(@:.a=.o) $(filter %.o,$^) && objcopy --localize-hidden $(@:.a=.o) && \
		rm -f $@ && $(AR) rcs $@ $(@:.a=.o)

$(BUILD)/leat.pc: leat.pc.in include/leat/version.h Makefile FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' $< >$@

INSTALLED = $(LIBDIR)/libleat.a $(LIBDIR)/libleat-core.a $(LIBDIR)/libleat.so.$(SOVERSION) \
	$(LIBDIR)/libleat.so $(LIBDIR)/pkgconfig/leat.pc $(BINDIR)/leat \
	$(HEADERS:include/%=$(INCLUDEDIR)/%) \
	$(foreach m,$(MAN),$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m))) \
	$(foreach m,$(filter %.3,$(MAN)),$(patsubst %,$(MANDIR)/man3/%.3,$(call man_names,$(m))))

.PHONY: install
install: all $(BUILD)/install/libleat.a $(BUILD)/install/libleat-core.a $(BUILD)/leat.pc ## install (DESTDIR= PREFIX=/usr/local)
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(addprefix $(DESTDIR),$(sort $(dir $(INSTALLED))))
	$(Q)install -m 644 $(BUILD)/install/libleat.a $(BUILD)/install/libleat-core.a $(DESTDIR)$(LIBDIR)/
	$(Q)install -m 755 $(LIB_SO) $(DESTDIR)$(LIBDIR)/
	$(Q)ln -sf $(notdir $(LIB_SO)) $(DESTDIR)$(LIBDIR)/libleat.so
	$(Q)install -m 644 $(BUILD)/leat.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	$(Q)install -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)/leat/
	$(Q)install -m 755 $(TOOL) $(DESTDIR)$(BINDIR)/
	$(Q)for m in $(MAN); do install -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/ || exit 1; done
	$(Q)$(foreach m,$(filter %.3,$(MAN)),for f in $(call man_names,$(m)); do \
		echo '.so man3/$(notdir $(m))' >$(DESTDIR)$(MANDIR)/man3/$$f.3 || exit 1; done;)

.PHONY: uninstall
uninstall: ## remove what install put there
	$(call say,REMOVE,$(DESTDIR)$(PREFIX))
	$(Q)rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	$(Q)rmdir $(DESTDIR)$(INCLUDEDIR)/leat 2>/dev/null || true

.PHONY: help
help: ## this list
	@echo 'usage: make [target] [switch=value]   (switches: the top of the Makefile)'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		expand -t 16

.PHONY: clean
clean: ## remove everything that was built
	$(call say,CLEAN,$(BUILD) and its variants)
	$(Q)rm -rf $(BUILD) build-asan build-clang build-fuzz

DEPS := $(patsubst %.o,%.d,$(CORE_OBJ) $(EDGE_OBJ) $(TOOL_OBJ) $(STEER_OBJ) $(TLIB_OBJ) $(TEST_OBJ) \
	$(FUZZ_OBJ) $(BENCH_OBJ) $(BLIB_OBJ) $(EXAMPLE_OBJ) $(REPLAY_OBJ))
-include $(DEPS)
