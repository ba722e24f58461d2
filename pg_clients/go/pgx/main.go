// pgx: what every program here does; see ../../README.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var ctx = context.Background()

func main() {
	connection, err := connect()
	if err != nil {
		tell("connect", "", err)
		os.Exit(1)
	}
	checks := []struct {
		name string
		find func(*pgx.Conn) (string, error)
	}{
		{"connect", func(c *pgx.Conn) (string, error) { return value[string](c, "select current_user::text") }},
		{"select", func(c *pgx.Conn) (string, error) { return number(c, "select 1") }},
		{"parameters", func(c *pgx.Conn) (string, error) {
			return number(c, "select $1::int + length($2::text)", 38, "žába")
		}},
		{"prepared", prepared},
		{"rollback", rollback},
		{"sqlstate", func(c *pgx.Conn) (string, error) {
			_, err := c.Exec(ctx, "select 1 / 0")
			return refusal(err)
		}},
		{"rows", rows},
		{"copy", copied},
		{"cancel", cancel},
	}
	failed := false
	for _, check := range checks {
		found, err := check.find(connection)
		failed = tell(check.name, found, err) || failed
	}
	closing, done := context.WithTimeout(ctx, 5*time.Second)
	defer done()
	if err := connection.Close(closing); err != nil {
		fmt.Fprintln(os.Stderr, "closing:", err)
	}
	if failed {
		os.Exit(1)
	}
}

func connect() (*pgx.Conn, error) {
	port := os.Getenv("NEON_PORT")
	if port == "" {
		port = "5432"
	}
	// Without a file verify-full trusts the system's authorities.
	settings := url.Values{"sslmode": {"verify-full"}, "connect_timeout": {"15"}}
	if ca := os.Getenv("NEON_CA"); ca != "" {
		settings.Set("sslrootcert", ca)
	}
	address := url.URL{
		Scheme:   "postgresql",
		User:     url.UserPassword(os.Getenv("NEON_USER"), os.Getenv("NEON_PASSWORD")),
		Host:     os.Getenv("NEON_HOST") + ":" + port,
		Path:     os.Getenv("NEON_DATABASE"),
		RawQuery: settings.Encode(),
	}
	return pgx.Connect(ctx, address.String())
}

func value[T any](c *pgx.Conn, query string, arguments ...any) (T, error) {
	var found T
	err := c.QueryRow(ctx, query, arguments...).Scan(&found)
	return found, err
}

func number(c *pgx.Conn, query string, arguments ...any) (string, error) {
	found, err := value[int](c, query, arguments...)
	return fmt.Sprint(found), err
}

func prepared(c *pgx.Conn) (string, error) {
	if _, err := c.Prepare(ctx, "times ten", "select $1::int * 10"); err != nil {
		return "", err
	}
	var results []string
	for _, factor := range []int{1, 2, 3} {
		result, err := number(c, "times ten", factor)
		if err != nil {
			return "", err
		}
		results = append(results, result)
	}
	return strings.Join(results, " "), nil
}

func rollback(c *pgx.Conn) (string, error) {
	const count = "select count(*) from numbers"
	if _, err := c.Exec(ctx, "create temp table numbers (i int primary key)"); err != nil {
		return "", err
	}
	transaction, err := c.Begin(ctx)
	if err != nil {
		return "", err
	}
	if _, err := transaction.Exec(ctx, "insert into numbers values (1)"); err != nil {
		return "", err
	}
	within, err := number(c, count)
	if err != nil {
		return "", err
	}
	if err := transaction.Rollback(ctx); err != nil {
		return "", err
	}
	after, err := number(c, count)
	return within + " " + after, err
}

func rows(c *pgx.Conn) (string, error) {
	found, err := c.Query(ctx, "select generate_series(1, 1000)")
	if err != nil {
		return "", err
	}
	numbers, err := pgx.CollectRows(found, pgx.RowTo[int])
	return total(numbers), err
}

func copied(c *pgx.Conn) (string, error) {
	source := pgx.CopyFromSlice(1000, func(i int) ([]any, error) { return []any{i + 1}, nil })
	if _, err := c.CopyFrom(ctx, pgx.Identifier{"numbers"}, []string{"i"}, source); err != nil {
		return "", err
	}
	var text bytes.Buffer
	if _, err := c.PgConn().CopyTo(ctx, &text, "copy numbers to stdout"); err != nil {
		return "", err
	}
	var numbers []int
	for _, line := range strings.Fields(text.String()) {
		var each int
		if _, err := fmt.Sscan(line, &each); err != nil {
			return "", err
		}
		numbers = append(numbers, each)
	}
	return total(numbers), nil
}

// The driver's own request, again and again until the server has begun what is to be cancelled.
func cancel(c *pgx.Conn) (string, error) {
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(100 * time.Millisecond):
			}
			if err := c.PgConn().CancelRequest(ctx); err != nil {
				// The query that is under way tells what has happened to the server.
				fmt.Fprintln(os.Stderr, "the request to cancel:", err)
			}
		}
	}()
	_, err := c.Exec(ctx, "select pg_sleep(30)")
	return refusal(err)
}

// The SQLSTATE with which the server refuses.
func refusal(err error) (string, error) {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code, nil
	}
	return "no error", err
}

func total(numbers []int) string {
	sum := 0
	for _, each := range numbers {
		sum += each
	}
	return fmt.Sprint(len(numbers), " ", sum)
}

// Prints what a check found, or the error that the driver raised; says whether it was an error.
func tell(check string, found string, err error) bool {
	kind := "value"
	if err != nil {
		kind, found = "error", err.Error()
	}
	fmt.Printf("%s\t%s\t%s\n", check, kind, strings.Join(strings.Fields(found), " "))
	return err != nil
}
