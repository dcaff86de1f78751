const told = document.getElementById("told");
const rows = [...document.querySelectorAll("tr[data-provider]")];

async function ask(method, path, body) {
  const options = { method };
  if (body) {
    options.headers = { "content-type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error(`${method} ${path} was refused`);
  return answer.json();
}

async function show() {
  try {
    const [counts, faults] = await Promise.all([ask("GET", "/counts"), ask("GET", "/faults")]);
    for (const row of rows) {
      const id = row.dataset.provider;
      for (const cell of row.querySelectorAll("[data-count]")) {
        cell.textContent = counts[id]?.[cell.dataset.count] ?? 0;
      }
      const select = row.querySelector("select");
      if (document.activeElement !== select) select.value = faults[id]?.[0]?.fault ?? "";
    }
    if (told.dataset.lost) told.textContent = told.dataset.lost = "";
  } catch {
    told.dataset.lost = "yes";
    told.textContent = "The practice providers have stopped.";
  }
}

for (const row of rows) {
  const select = row.querySelector("select");
  select.addEventListener("change", async () => {
    const path = `/faults/${row.dataset.provider}`;
    await ask("DELETE", path);
    if (select.value) await ask("PUT", path, { fault: select.value, times: null });
    told.textContent = `${row.querySelector("th").textContent}: ${select.selectedOptions[0].textContent}`;
  });
}

document.getElementById("clear").addEventListener("click", async () => {
  await ask("DELETE", "/faults");
  told.textContent = "All goes well everywhere.";
  await show();
});

show();
setInterval(show, 2000);
