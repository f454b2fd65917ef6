// Before anything is drawn: the theme that was chosen here before.
(() => {
  const known = localStorage.getItem("ferkit-theme");
  if (known === "light" || known === "dark") document.documentElement.dataset.theme = known;
})();
