// `/` puts the cursor into the search field, or leads to the page that has one, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const search = document.querySelector("[data-search]");
  const elsewhere = document.body.dataset.searchAt;
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || !(search || elsewhere)) return;
  event.preventDefault();
  if (!search) return location.assign(elsewhere);
  search.focus();
  search.select();
});

// A form that is being worked on says so, and is not sent again; going back finds it as it was.
const busy = document.getElementById("busy");
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  busy.textContent = form.dataset.busy || (form.method === "post" ? busy.dataset.acting : busy.dataset.looking);
  for (const button of form.querySelectorAll("button")) button.disabled = true;
});
window.addEventListener("pageshow", () => {
  busy.textContent = "";
  for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
});
