// Before the page is drawn: take the theme that the reader chose here, and say that scripts run.
document.documentElement.classList.add("js");
try { document.documentElement.dataset.theme = localStorage.theme || ""; } catch { /* no storage: the system's theme */ }
