// Sends the buyer on to the gateway. Without this script the button does.
document.querySelector("form[data-auto] button").click();
