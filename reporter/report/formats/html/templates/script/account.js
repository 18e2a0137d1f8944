// An account's view.

/** Whether nothing was read of the accounts that are chosen: that they have no rows says nothing. */
function nothingRead() {
  const chosen = [...FACETS[0].chosen].map((name) => accounts.get(name));
  return chosen.length > 0 && chosen.every((account) => account && account.counts[LEVELS[0]] === null);
}

/** What a shell takes for an account: its name where that is plain, else its id, as a comma would part the name. */
function called({ name, id }) {
  if (/^\w[\w.-]*$/.test(name)) return name;
  return id || `'${name.replaceAll("'", "'\\''")}'`;
}

function drawAccount() {
  const section = byId("account");
  const chosen = FACETS[0].chosen;
  section.hidden = chosen.size !== 1;
  if (section.hidden) return section.replaceChildren();
  const [name] = chosen;
  const account = accounts.get(name);
  const title = element("h3", { id: "account-title" }, "Account ", told(name));
  if (!account) return section.replaceChildren(title, element("p", {}, "This report has no account of that name."));
  const { counts, changes } = account;
  const known = counts[LEVELS[0]] !== null;
  const whole = account.cells[0] === account.cells[1];
  const amount = (level) => [
    `${level} ${number(counts[level])}`,
    account.waived[level] ? ` of which ${number(account.waived[level])} waived` : "",
    counts[`${level}_possible`] ? ` (+${number(counts[`${level}_possible`])} possible)` : "",
  ].join("");
  const gone = data.gone.filter((each) => each.account === name);
  section.replaceChildren(
    title,
    facts(
      fact("id", account.id || "not known"),
      account.labels.length ? fact("labels", told(account.labels.join(", "))) : null,
      fact("groups by risk", known ? `${LEVELS.map(amount).join(", ")}; ${number(counts.groups)} in all` : unknown("not read: its groups are not known")),
      fact("read", `${account.regions[0]} of ${plural(account.regions[1], "region")} whole${whole ? "" : `, ${number(account.cells[0])} of ${number(account.cells[1])} answers (one per region and policy)`}`),
      data.base ? fact(
        `findings since ${data.base}`,
        account.cells[0] ? ["new", "changed", "gone", "not comparable"].map((state) => `${number(changes[state] ?? 0)} ${state}`).join(", ") : unknown(`not known${changes["not comparable"] ? `; ${number(changes["not comparable"])} of before not comparable` : ""}`)) : null),
    account.unread.length ? element(
      "div", { className: "warning" }, element("p", {}, element("strong", {}, "Not read, and so not known:")),
      element("ul", {}, account.unread.map((each) => element("li", {}, told(`${each.where}: ${each.reason.replace(/[.\s]*$/, ".")}`), " ", element("span", { className: "advice" }, ...advice(each.what_to_do), "."))))) : "",
    gone.length ? element(
      "details", {}, element("summary", {}, `${plural(changes.gone, "finding")} gone since ${data.base}`),
      items(gone.map((each) => `${each.name || each.id} (${each.id}), ${each.region}: ${each.policy}, ${each.level}: ${each.reason}`)),
      changes.gone > gone.length ? element("p", { className: "unknown" }, `and ${number(changes.gone - gone.length)} more: tab changes of the workbook has them all`) : "") : "",
    accounts.size > 1 ? element(
      "p", { className: "note" },
      "This view hides nothing: whoever has this file can read what it says of all accounts. For an owner who must not see the others: ",
      element("code", {}, `sg-audit report -a ${called(account)} -f html`)) : "");
}
