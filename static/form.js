// Sends the buyer on to the gateway by the form's own button, as the buyer does who presses it where this
// script does not run.
document.querySelector("form[data-auto] button").click();
