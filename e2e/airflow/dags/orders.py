"""Two Dags of two teams. Unscheduled, so that nothing runs but what somebody triggers."""

from airflow.sdk import dag, task


@dag(schedule=None, tags=["team:orders"])
def orders_daily():
    @task
    def count_orders() -> int:
        print("orders_daily counted 42 orders")
        return 42

    @task
    def report_orders(count: int) -> None:
        print(f"orders_daily reported {count} orders")

    report_orders(count_orders())


@dag(schedule=None, tags=["team:invoices"])
def invoices_daily():
    @task
    def count_invoices() -> None:
        print("invoices_daily counted 7 invoices")

    count_invoices()


orders_daily()
invoices_daily()
