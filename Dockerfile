# sg-audit in a container. Nothing of yours is in it: accounts.yml, policies, credentials and output come from outside.
#
#   docker build --tag sg-audit .
#   docker run --rm --read-only --tmpfs /tmp --volume sg-audit:/audit sg-audit --help
#
# docs/schedule.md has how it gets its role on GitHub, ECS and EKS.

FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.txt ./
# Into the folder that it is copied from: the paths in its scripts stay true.
RUN python -m venv /opt/sg-audit \
    && /opt/sg-audit/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY policies policies
COPY reporter reporter
RUN /opt/sg-audit/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index .

FROM python:3.11-slim
COPY --from=build /opt/sg-audit /opt/sg-audit
# A number, so that Kubernetes can tell that it is not root. What it writes is for this user alone.
RUN groupadd --gid 10001 audit \
    && useradd --no-log-init --uid 10001 --gid 10001 --home-dir /audit --shell /usr/sbin/nologin audit \
    && install --directory --owner=10001 --group=10001 --mode=0700 /audit
ENV PATH=/opt/sg-audit/bin:$PATH \
    HOME=/audit \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /audit
ENTRYPOINT ["sg-audit"]
