package handlers

import (
	"errors"
	"log/slog"
	"net"
	"time"
)

// acceptAgain is how long a listener waits that can take no connection.
const acceptAgain = 100 * time.Millisecond

// Listen returns a listener on the TCP address that goes on when it cannot take a connection, as when too
// many files are open: the web server would take any error for its end.
func Listen(address string, log *slog.Logger) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return enduring{l, log}, nil
}

type enduring struct {
	net.Listener
	log *slog.Logger
}

func (l enduring) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return c, err
		}
		l.log.Error("no connection can be taken now", "err", err)
		time.Sleep(acceptAgain)
	}
}
