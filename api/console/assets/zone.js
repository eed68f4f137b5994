// Gives a new account the time zone of the browser that it is made in.
"use strict";

document.querySelector("input[name=time_zone]")?.setAttribute("value", Intl.DateTimeFormat().resolvedOptions().timeZone || "");
