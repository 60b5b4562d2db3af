"use strict";
const recording = atob(document.getElementById("recording").textContent.trim());
document.getElementById("summary").textContent = `A recording of ${recording.length} bytes.`;
