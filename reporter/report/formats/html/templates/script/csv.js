// The rows that are left, as CSV.

// A spreadsheet takes what begins so for a formula, in East Asia with full-width signs too, and begins a cell behind a
// separator within the quotes: as the format csv of sg-audit has it.
const SEPARATED = /[;|\t\r\n]/;
const BEFORE_SIGN = /(?<![\s\x1c-\x1f\x85"\ufeff;|])[\s\x1c-\x1f\x85"\ufeff;|]*(?=[=+\-@＝＋－＠])/g;

function harmless(value) {
  const first = /^[\t\r\n]/.test(value) ? `'${value}` : value;
  return first.replace(BEFORE_SIGN, (blank, place) => (!place || SEPARATED.test(blank) ? `${blank}'` : blank));
}

const COLUMNS = {
  account_profile: (group) => text(group, "account"),
  account_id: (group) => accounts.get(text(group, "account"))?.id ?? "",
  region: (group) => text(group, "region"),
  security_group_id: (group) => text(group, "id"),
  group_name: (group) => text(group, "name"),
  vpc_id: (group) => text(group, "vpc"),
  risk: levelOf,
  reachable: (group) => text(group, "reachable"),
  reachable_on: (group) => list(group, "reachable_on").join(", "),
  ...(data.powers.length ? {
    role_power: (group) => text(group, "role_power"),
    role_power_why: (group) => list(group, "why_power").join(", "),
    imdsv1: (group) => (group[G.imdsv1] === null ? UNKNOWN : group[G.imdsv1] ? "TRUE" : "FALSE"),
  } : {}),
  ...(data.access ? { access_findings: (group) => text(group, "access") } : {}),
  world_ports: (group) => list(group, "open").join(", "),
  attached_eni_count: (group) => group[G.interface_count] ?? UNKNOWN,
  policies: (group) => group[G.findings].map((each) => (each[F.proven] ? "" : "possibly ") + policies[each[F.policy]].name).join(", "),
  matched_rules: (group) => {
    const proven = group[G.findings].filter((each) => each[F.proven]);
    if (proven.some((each) => each[F.matched] === null)) return "not told";
    return [...new Set(proven.flatMap((each) => each[F.matched]))].map((place) => texts[place]).join(", ");
  },
  first_seen: (group) => text(group, "first_seen"),
  since_last: (group) => text(group, "since_last"),
  waived: (group) => text(group, "waived"),
  tags: (group) => list(group, "tags").join(", "),
};

function csv(rows) {
  const quoted = (value) => `"${(typeof value === "number" ? String(value) : harmless(value)).replaceAll("\0", "\ufffd").replaceAll('"', '""')}"`;
  const lines = [Object.keys(COLUMNS), ...rows.map((group) => Object.values(COLUMNS).map((of) => of(group)))];
  return lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

byId("download").addEventListener("click", () => {
  const rows = table.rows({ search: "applied", order: "applied" }).data().toArray();
  // Without the mark Excel does not take it for UTF-8.
  const file = URL.createObjectURL(new Blob(["\ufeff", csv(rows)], { type: "text/csv;charset=utf-8" }));
  element("a", { href: file, download: "security_groups_findings.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(file), 10000);
});
