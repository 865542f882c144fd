package config

import (
	"strings"
	"testing"
)

func TestStatement(t *testing.T) {
	tests := []struct {
		name string
		text string // of gateways.pass2pay.statement
		want string // a part of the message; empty: accepted
	}{
		{name: "all columns", text: `{number: 商户单号, refund_number: 退款单号, reference: 流水号, type: 类型, payment_values: [支付], refund_values: [退款, 撤销],
			ignored_values: [手续费], amount: 金额, amount_unit: decimal, currency: 币种, time: 时间, time_format: "2006/01/02 15:04", time_zone: Asia/Shanghai}`},
		{name: "fewest columns", text: "{type: '', currency: '', time: ''}"},
		{name: "words of a type that is not there", text: "{type: '', payment_values: [], refund_values: []}"},
		{name: "days only", text: `{time_format: "02.01.2006"}`},
		{name: "with an offset", text: `{time_format: "2006-01-02T15:04:05Z07:00"}`},

		{name: "no number", text: "{number: ''}", want: "gateways.pass2pay.statement.number: must be the title of a column"},
		{name: "no amount", text: "{amount: ''}", want: "gateways.pass2pay.statement.amount: must be the title of a column"},
		{name: "one column for two", text: "{reference: number}", want: `gateways.pass2pay.statement.reference: "number" is the column of number already`},
		{name: "unit", text: "{amount_unit: yuan}", want: `gateways.pass2pay.statement.amount_unit: "yuan" must be one of minor, decimal`},
		{name: "no word for a payment", text: "{payment_values: []}", want: "gateways.pass2pay.statement.payment_values: must name at least one"},
		{name: "no word for a refund", text: "{refund_values: []}", want: "gateways.pass2pay.statement.refund_values: must name at least one"},
		{name: "payment and refund", text: "{refund_values: [payment]}", want: `gateways.pass2pay.statement.refund_values: "payment" is in payment_values too`},
		{name: "refund and ignored", text: "{ignored_values: [refund]}", want: `gateways.pass2pay.statement.ignored_values: "refund" is in payment_values or refund_values too`},
		{name: "another notation of times", text: "{time_format: yyyy-MM-dd}", want: `gateways.pass2pay.statement.time_format: "yyyy-MM-dd" must be the moment`},
		{name: "half a day", text: `{time_format: "2006-01-02 03:04:05"}`, want: "gateways.pass2pay.statement.time_format:"},
		{name: "no year", text: `{time_format: "01-02 15:04:05"}`, want: "gateways.pass2pay.statement.time_format:"},
		{name: "zone", text: "{time_zone: Beijing}", want: `gateways.pass2pay.statement.time_zone: "Beijing" must be a time zone's name`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, "gateways: {pass2pay: {statement: "+tt.text+"}}")
			if tt.want == "" {
				if err != nil {
					t.Errorf("got error %v, want none", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}
